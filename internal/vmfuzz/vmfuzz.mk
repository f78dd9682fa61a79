# Included by the Makefile: hours of comparing the interpreter with the
# reference interpreter. FUZZLONG is the time, FUZZCORES the number of workers.
FUZZLONG ?= 1h
FUZZCORES ?= 2

.PHONY: fuzz-long
fuzz-long: ## compare the interpreter with its reference for FUZZLONG
	$(GO) test -run '^$$' -fuzz '^FuzzDifferential$$' -fuzztime $(FUZZLONG) -parallel $(FUZZCORES) ./internal/vmfuzz
