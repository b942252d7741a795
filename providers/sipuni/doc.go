package sipuni
