# Included by the Makefile: generated containers in Go, run natively and as
# images. Failing programs are told by their seeds; with GOKEEP they are written
# to that folder, as they are and made smaller.
GOPROGRAMS ?= 20000
GOSEED ?= 1
GOKEEP ?=

.PHONY: go-containers-fuzz
go-containers-fuzz: ## compare GOPROGRAMS generated containers in Go with what Go does
	$(GO) test -count=1 -v -timeout 5h -run '^TestPrograms$$' ./internal/gofuzz -programs $(GOPROGRAMS) -seed $(GOSEED) -keep '$(GOKEEP)'
