"""What owners say of their own lists: corrections of ids and colors, and named column mappings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Table, delete, func, insert, select, update

from jobs.ids import new_id
from ledger.database import Database, db_now
from ledger.errors import CorrectionNotFound, MappingNotFound, TooMany
from ledger.reference import column_mappings, corrections

MAX_CORRECTIONS = 20_000  # of one owner: every step that resolves reads them all
MAX_MAPPINGS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """What an id or a color stands for, in its owner's word; asked before anything else."""

    id: str
    kind: str  # part, color
    space: str  # whose number `raw` is
    raw: str  # as lists say it, lower case
    target: str  # a part number or a color id of the catalog
    note: str
    created_at: datetime  # when it was last said


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """How an owner's own tables are to be read, under a name."""

    name: str
    wishes: Mapping[str, Any]  # fields of `parsers.wishes.Wishes`
    changed_at: datetime


class Corrections:
    """The verbs on corrections and column mappings; part of `Ledger`."""

    database: Database

    def put_correction(
        self, owner: str, *, kind: str, space: str, raw: str, target: str, note: str = ""
    ) -> tuple[Correction, bool]:
        """Say what `raw` stands for, instead of what was said before; and whether it is new. Raises `TooMany`."""
        same = {"owner": owner, "kind": kind, "space": space, "raw": raw.strip().lower()}
        said = {"target": target.strip(), "note": note, "created_at": db_now()}

        def work(tx: Connection) -> tuple[Correction, bool]:
            change = update(corrections).where(*(corrections.c[name] == value for name, value in same.items()))
            row = tx.execute(change.values(said).returning(corrections)).mappings().first()
            if row is not None:
                return _correction(row), False
            _require_room(tx, corrections, owner, most=MAX_CORRECTIONS)
            added = insert(corrections).values(id=new_id(), **same, **said).returning(corrections)
            return _correction(tx.execute(added).mappings().one()), True

        return self.database.writing(work, durable=True)  # of two at once the second finds the first one's row

    def corrections(
        self,
        owner: str,
        *,
        kind: str | None = None,
        space: str | None = None,
        raw: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> tuple[list[Correction], str | None]:
        """Newest first; `cursor` is the last id of the page before. Returns corrections and the next cursor."""
        query = select(corrections).where(corrections.c.owner == owner)
        for column, wanted in ((corrections.c.kind, kind), (corrections.c.space, space), (corrections.c.raw, raw)):
            if wanted is not None:
                query = query.where(column == wanted.strip().lower())
        if cursor is not None:
            query = query.where(corrections.c.id < cursor)
        with self.database.reading() as tx:
            rows = tx.execute(query.order_by(corrections.c.id.desc()).limit(limit + 1)).mappings().all()
        page = [_correction(row) for row in rows[:limit]]
        return page, page[-1].id if len(rows) > limit else None

    def delete_correction(self, correction_id: str, *, owner: str) -> None:
        """Forget it. Raises `CorrectionNotFound`."""
        gone = delete(corrections).where(corrections.c.id == correction_id, corrections.c.owner == owner)
        if not self.database.writing(lambda tx: tx.execute(gone).rowcount, durable=True):
            raise CorrectionNotFound(correction_id)

    def said_by(self, owner: str) -> tuple[list[dict[str, str]], dict[str, Mapping[str, Any]]]:
        """All corrections (kind, space, raw, target) and all mappings by name: what a step needs to read a list."""
        query = select(*(corrections.c[name] for name in ("kind", "space", "raw", "target")))
        named = select(column_mappings.c.name, column_mappings.c.wishes).where(column_mappings.c.owner == owner)
        with self.database.reading() as tx:
            said = [dict(row) for row in tx.execute(query.where(corrections.c.owner == owner)).mappings()]
            return said, {row.name: row.wishes for row in tx.execute(named)}

    def put_mapping(self, owner: str, name: str, *, wishes: Mapping[str, Any]) -> tuple[ColumnMapping, bool]:
        """Keep a mapping under its name, instead of what was there; and whether it is new. Raises `TooMany`."""
        said = {"wishes": dict(wishes), "changed_at": db_now()}

        def work(tx: Connection) -> tuple[ColumnMapping, bool]:
            change = update(column_mappings).where(*_mapping_key(owner, name)).values(said)
            row = tx.execute(change.returning(column_mappings)).mappings().first()
            if row is not None:
                return _mapping(row), False
            _require_room(tx, column_mappings, owner, most=MAX_MAPPINGS)
            added = insert(column_mappings).values(owner=owner, name=name, **said).returning(column_mappings)
            return _mapping(tx.execute(added).mappings().one()), True

        return self.database.writing(work, durable=True)

    def mappings(self, owner: str) -> list[ColumnMapping]:
        """All of an owner's, by name: there are few."""
        query = select(column_mappings).where(column_mappings.c.owner == owner).order_by(column_mappings.c.name)
        with self.database.reading() as tx:
            return [_mapping(row) for row in tx.execute(query).mappings()]

    def mapping(self, owner: str, name: str) -> ColumnMapping:
        """The one of that name. Raises `MappingNotFound`."""
        with self.database.reading() as tx:
            row = tx.execute(select(column_mappings).where(*_mapping_key(owner, name))).mappings().first()
        if row is None:
            raise MappingNotFound(name)
        return _mapping(row)

    def delete_mapping(self, owner: str, name: str) -> None:
        """Forget it; jobs that were read by it keep what they found. Raises `MappingNotFound`."""
        gone = delete(column_mappings).where(*_mapping_key(owner, name))
        if not self.database.writing(lambda tx: tx.execute(gone).rowcount, durable=True):
            raise MappingNotFound(name)


def _mapping_key(owner: str, name: str) -> tuple[Any, ...]:
    return column_mappings.c.owner == owner, column_mappings.c.name == name


def _require_room(tx: Connection, table: Table, owner: str, *, most: int) -> None:
    count = tx.execute(select(func.count()).select_from(table).where(table.c.owner == owner)).scalar_one()
    if count >= most:
        raise TooMany(f"there are {most} already; delete some")


def _correction(row: RowMapping) -> Correction:
    return Correction(**{name: row[name] for name in Correction.__slots__})


def _mapping(row: RowMapping) -> ColumnMapping:
    return ColumnMapping(**{name: row[name] for name in ColumnMapping.__slots__})
