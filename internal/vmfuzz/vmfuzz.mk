# Included by the Makefile: hours of comparing both run loops with the
# reference interpreter. FUZZLONG is the time, FUZZCORES the number of workers.
FUZZLONG ?= 1h
FUZZCORES ?= 2

.PHONY: fuzz-long
fuzz-long: ## compare both run loops with the reference interpreter for FUZZLONG
	$(GO) test -run '^$$' -fuzz '^FuzzLoops$$' -fuzztime $(FUZZLONG) -parallel $(FUZZCORES) ./vm

# SEEDED chooses: "-every 6", or parts of names.
.PHONY: seeded
seeded: ## put known bugs into package vm one by one; its tests must notice
	$(GO) run ./internal/vmfuzz/seeded $(SEEDED)
