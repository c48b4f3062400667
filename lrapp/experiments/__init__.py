"""What do many runs tell? Comparisons of policies, random search, tables of runs and their differences."""
