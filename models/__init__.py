"""What a 3D model's geometry is worth: topology, crossings, walls, verdicts for what people want of it, look-alikes."""
