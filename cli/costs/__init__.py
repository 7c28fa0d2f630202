"""What Sluice costs on AWS, estimated from a contract; `sluice cost` prints it."""
