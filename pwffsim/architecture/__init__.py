"""What can be known of models without loading one: shapes, payload bytes, FLOPs, memory."""
