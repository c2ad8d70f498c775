"""Files and tables of eight formats to record batches, and a reason for every record that is refused."""
