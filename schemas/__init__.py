"""What things look like: artifacts, manifests, reports. Imports nothing of ours."""
