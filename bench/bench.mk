# Included by the Makefile.
.PHONY: bench kernels

bench: ## compare the interpreter with Go, C and wazero (about a minute)
	@cd bench/peers && $(GO) run .

kernels: ## compile the kernels of bench again (clang-19, lld-19)
	bench/build.sh
