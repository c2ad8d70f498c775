"""Records cleaned, named, freed of duplicates, grouped and dealt to splits."""
