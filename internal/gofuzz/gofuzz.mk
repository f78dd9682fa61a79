# Included by the Makefile: generated containers in Go, run natively and as
# images. Failing programs are told by their seeds.
GOPROGRAMS ?= 20000
GOSEED ?= 1

.PHONY: go-containers-fuzz
go-containers-fuzz: ## compare GOPROGRAMS generated containers in Go with what Go does
	$(GO) test -count=1 -v -timeout 3h -run '^TestPrograms$$' ./internal/gofuzz -programs $(GOPROGRAMS) -seed $(GOSEED)
