"""From weights.json and a checkpoint to a converted checkpoint: ``command.run`` is the way in."""
