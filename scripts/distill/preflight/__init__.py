"""What a run will take, before it costs anything: memory of a device, time, disk, access; what does not fit, and what to change."""
