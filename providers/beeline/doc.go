package beeline
