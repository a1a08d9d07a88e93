/* Heavylift's view of an FBX file: every mesh in the world, in triangles, through ufbx (ufbx.h, github.com/ufbx/ufbx).
 *
 * Called by parsers/fbx_ufbx.py, whose structures are laid out as these; `hl_layout` changes with them. It reads memory
 * alone: ufbx is compiled without stdio. Everything that is returned lives until `hl_free`.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ufbx.h"

#define HL_EXPORT __attribute__((visibility("default")))
#define HL_NONE UINT32_MAX
#define HL_SLOTS 5 /* pictures of a material: color, metal, normal, occlusion, glow */
#define HL_MAX_DEPTH 500

/* What went wrong; the order is that of `Trouble` in fbx_ufbx.py. */
enum { HL_WELL, HL_BROKEN, HL_TRUNCATED, HL_MEMORY, HL_VERSION, HL_DEEP, HL_TRIANGLES, HL_POINTS, HL_INDEX, HL_NODES, HL_CORNERS };

typedef struct {
    uint64_t memory;    /* bytes that ufbx may take for its work, and as much for its result */
    uint64_t triangles; /* over all instances */
    uint64_t points;    /* the same */
    uint64_t nodes;     /* that have a mesh */
    uint64_t work;      /* squares of the numbers of corners of all faces: what cutting them up may take */
} hl_limits;

typedef struct {
    const char *name;        /* UTF-8 */
    uint64_t num_points, num_triangles, num_uvs;
    const double *points;    /* x, y, z in the world */
    const uint32_t *corners; /* three of each triangle: rows of points */
    const double *uvs;       /* u, v; NULL where the mesh has none */
    const uint32_t *uv_corners; /* three of each triangle: rows of uvs, HL_NONE where a corner has none */
    const uint32_t *materials;  /* one of each triangle, HL_NONE where it has none */
} hl_mesh;

typedef struct {
    const char *file;    /* as the file names it; NULL where there is none */
    const void *content; /* where the picture is embedded */
    uint64_t size;
} hl_picture;

typedef struct {
    const char *name;
    double color[3];
    uint32_t has_color;
    hl_picture pictures[HL_SLOTS];
} hl_material;

typedef struct {
    uint32_t trouble;       /* HL_WELL, ... */
    uint32_t version;       /* of the file: 7400 */
    uint32_t reader;        /* of ufbx: 1000000 major + 1000 minor + patch */
    uint32_t ascii;
    uint32_t unit_stated;   /* the file says what its unit is */
    uint32_t axes_stated;   /* the file says what its axes are, and the world was turned to Y up */
    double unit_meters;
    uint64_t num_meshes, num_materials;
    hl_mesh *meshes;
    hl_material *materials;
    char text[512];         /* ufbx's words on what went wrong, without what it quotes */
    ufbx_scene *scene;
} hl_model;

HL_EXPORT const uint32_t hl_layout = 2;

HL_EXPORT void hl_free(hl_model *model)
{
    if (!model) return;
    for (uint64_t i = 0; i < model->num_meshes && model->meshes; i++) {
        free((void *)model->meshes[i].points);
        free((void *)model->meshes[i].corners);
        free((void *)model->meshes[i].uv_corners);
        free((void *)model->meshes[i].materials);
    }
    free(model->meshes);
    free(model->materials);
    ufbx_free_scene(model->scene);
    free(model);
}

static uint32_t trouble_of(const ufbx_error *error)
{
    switch (error->type) {
    case UFBX_ERROR_TRUNCATED_FILE: return HL_TRUNCATED;
    case UFBX_ERROR_OUT_OF_MEMORY:
    case UFBX_ERROR_MEMORY_LIMIT:
    case UFBX_ERROR_ALLOCATION_LIMIT: return HL_MEMORY;
    case UFBX_ERROR_UNSUPPORTED_VERSION: return HL_VERSION;
    case UFBX_ERROR_NODE_DEPTH_LIMIT: return HL_DEEP;
    case UFBX_ERROR_BAD_INDEX: return HL_INDEX;
    default: return HL_BROKEN;
    }
}

/* Room for `count` items; one more than asked, since an empty array is an array. */
static void *room(uint64_t count, size_t size)
{
    return count < SIZE_MAX / size - 1 ? malloc((size_t)(count + 1) * size) : NULL;
}

static uint32_t material_of(const ufbx_node *node, const ufbx_mesh *mesh, size_t face)
{
    if (face >= mesh->face_material.count) return HL_NONE;
    uint32_t slot = mesh->face_material.data[face];
    const ufbx_material_list *list = node->materials.count ? &node->materials : &mesh->materials;
    if (slot >= list->count || !list->data[slot]) return HL_NONE;
    return list->data[slot]->typed_id;
}

/* The triangles of one mesh; those of a mirrored node are turned, so that its outside stays outside. */
static uint32_t fill_triangles(hl_mesh *to, const ufbx_node *node, uint32_t *triangle)
{
    const ufbx_mesh *mesh = node->mesh;
    const ufbx_uint32_list *places = &mesh->vertex_position.indices;
    const ufbx_uint32_list *uvs = &mesh->vertex_uv.indices;
    size_t room_for = mesh->max_face_triangles * 3;
    int mirrored = ufbx_matrix_determinant(&node->geometry_to_world) < 0;
    uint32_t *corners = (uint32_t *)to->corners, *uv_corners = (uint32_t *)to->uv_corners;
    uint32_t *materials = (uint32_t *)to->materials;
    uint64_t done = 0;
    for (size_t face = 0; face < mesh->faces.count; face++) {
        uint32_t found = ufbx_triangulate_face(triangle, room_for, mesh, mesh->faces.data[face]);
        uint32_t material = material_of(node, mesh, face);
        if (done + found > to->num_triangles) return HL_BROKEN;
        for (uint32_t i = 0; i < found * 3; i++) {
            uint32_t index = triangle[mirrored ? i - i % 3 + 2 - i % 3 : i];
            uint64_t at = done * 3 + i;
            if (index >= places->count || places->data[index] >= to->num_points) return HL_INDEX;
            corners[at] = places->data[index];
            if (!uv_corners) continue;
            uint32_t uv = index < uvs->count ? uvs->data[index] : HL_NONE;
            uv_corners[at] = uv < to->num_uvs ? uv : HL_NONE;
        }
        for (uint32_t i = 0; i < found; i++) materials[done + i] = material;
        done += found;
    }
    to->num_triangles = done;
    return HL_WELL;
}

static uint32_t fill_mesh(hl_mesh *to, const ufbx_node *node)
{
    const ufbx_mesh *mesh = node->mesh;
    const ufbx_vec3_list *from = &mesh->vertex_position.values;
    double *points = room(from->count, 3 * sizeof(double));
    to->name = node->name.data;
    to->num_points = from->count;
    to->num_triangles = mesh->num_triangles;
    to->points = points;
    to->corners = room(mesh->num_triangles, 3 * sizeof(uint32_t));
    to->materials = room(mesh->num_triangles, sizeof(uint32_t));
    if (mesh->vertex_uv.exists && mesh->vertex_uv.values.count) {
        to->num_uvs = mesh->vertex_uv.values.count;
        to->uvs = &mesh->vertex_uv.values.data[0].v[0];
        to->uv_corners = room(mesh->num_triangles, 3 * sizeof(uint32_t));
        if (!to->uv_corners) return HL_MEMORY;
    }
    uint32_t *triangle = room(mesh->max_face_triangles, 3 * sizeof(uint32_t));
    if (!points || !to->corners || !to->materials || !triangle) {
        free(triangle);
        return HL_MEMORY;
    }
    for (size_t i = 0; i < from->count; i++) {
        ufbx_vec3 moved = ufbx_transform_position(&node->geometry_to_world, from->data[i]);
        memcpy(points + 3 * i, moved.v, 3 * sizeof(double));
    }
    uint32_t trouble = fill_triangles(to, node, triangle);
    free(triangle);
    return trouble;
}

static double work_of(const ufbx_mesh *mesh)
{
    double work = 0;
    for (size_t i = 0; i < mesh->faces.count; i++) {
        double corners = mesh->faces.data[i].num_indices;
        work += corners * corners;
    }
    return work;
}

static uint32_t fill_meshes(hl_model *model, const hl_limits *limits)
{
    const ufbx_node_list *nodes = &model->scene->nodes;
    uint64_t found = 0, triangles = 0, points = 0;
    double work = 0;
    for (size_t i = 0; i < nodes->count; i++) {
        const ufbx_mesh *mesh = nodes->data[i]->mesh;
        if (!mesh || !mesh->num_triangles) continue;
        found++;
        triangles += mesh->num_triangles;
        points += mesh->vertex_position.values.count;
        if (found > limits->nodes) return HL_NODES;
        if (triangles > limits->triangles) return HL_TRIANGLES;
        if (points > limits->points) return HL_POINTS;
        work += work_of(mesh);
        if (work > (double)limits->work) return HL_CORNERS;
    }
    model->meshes = calloc(found + 1, sizeof(hl_mesh));
    if (!model->meshes) return HL_MEMORY;
    for (size_t i = 0; i < nodes->count; i++) {
        const ufbx_mesh *mesh = nodes->data[i]->mesh;
        if (!mesh || !mesh->num_triangles) continue;
        uint32_t trouble = fill_mesh(&model->meshes[model->num_meshes++], nodes->data[i]);
        if (trouble) return trouble;
    }
    return HL_WELL;
}

static void fill_picture(hl_picture *to, const ufbx_material_map *map, const ufbx_material_map *older)
{
    const ufbx_texture *texture = map->texture ? map->texture : older ? older->texture : NULL;
    if (texture && texture->file_textures.count) texture = texture->file_textures.data[0];
    if (!texture || texture->type != UFBX_TEXTURE_FILE) return;
    const ufbx_string *name = texture->relative_filename.length ? &texture->relative_filename : &texture->filename;
    to->file = name->data;
    to->content = texture->content.size ? texture->content.data : NULL;
    to->size = texture->content.size;
}

static uint32_t fill_materials(hl_model *model)
{
    const ufbx_material_list *list = &model->scene->materials;
    model->materials = calloc(list->count + 1, sizeof(hl_material));
    if (!model->materials) return HL_MEMORY;
    for (size_t i = 0; i < list->count; i++) {
        const ufbx_material *from = list->data[i];
        const ufbx_material_map *color = from->pbr.base_color.has_value ? &from->pbr.base_color : &from->fbx.diffuse_color;
        double factor = color == &from->pbr.base_color && from->pbr.base_factor.has_value ? from->pbr.base_factor.value_real : 1.0;
        hl_material *to = &model->materials[i];
        to->name = from->name.data;
        to->has_color = color->has_value;
        for (int axis = 0; axis < 3; axis++) to->color[axis] = color->value_vec3.v[axis] * factor;
        fill_picture(&to->pictures[0], &from->pbr.base_color, &from->fbx.diffuse_color);
        fill_picture(&to->pictures[1], &from->pbr.metalness, &from->pbr.roughness);
        fill_picture(&to->pictures[2], &from->pbr.normal_map, &from->fbx.bump);
        fill_picture(&to->pictures[3], &from->pbr.ambient_occlusion, NULL);
        fill_picture(&to->pictures[4], &from->pbr.emission_color, &from->fbx.emission_color);
    }
    model->num_materials = list->count;
    return HL_WELL;
}

/* The model in these bytes; NULL where there is no memory for the answer. `trouble` says whether it was read. */
HL_EXPORT hl_model *hl_load(const void *data, uint64_t size, const hl_limits *limits)
{
    hl_model *model = calloc(1, sizeof(hl_model));
    if (!model) return NULL;
    ufbx_load_opts opts = {0};
    ufbx_error error;
    opts.temp_allocator.memory_limit = (size_t)limits->memory;
    opts.result_allocator.memory_limit = (size_t)limits->memory;
    opts.file_format = UFBX_FILE_FORMAT_FBX;
    opts.ignore_animation = true;
    opts.load_external_files = false;
    opts.skip_skin_vertices = true;
    opts.skip_mesh_parts = true;
    opts.index_error_handling = UFBX_INDEX_ERROR_HANDLING_NO_INDEX;
    opts.target_axes = ufbx_axes_right_handed_y_up;
    opts.node_depth_limit = HL_MAX_DEPTH;
    model->reader = ufbx_source_version;
    model->scene = ufbx_load_memory(data, (size_t)size, &opts, &error);
    if (!model->scene) {
        error.info_length = 0; /* that would be content of the file */
        error.info[0] = '\0';
        ufbx_format_error(model->text, sizeof(model->text), &error);
        model->trouble = trouble_of(&error);
        return model;
    }
    const ufbx_scene_settings *settings = &model->scene->settings;
    model->version = model->scene->metadata.version;
    model->ascii = model->scene->metadata.ascii;
    model->unit_meters = settings->unit_meters;
    model->unit_stated = ufbx_find_prop(&settings->props, "UnitScaleFactor") != NULL;
    model->axes_stated = ufbx_coordinate_axes_valid(settings->axes);
    model->trouble = fill_materials(model);
    if (!model->trouble) model->trouble = fill_meshes(model, limits);
    return model;
}
