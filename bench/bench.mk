# Included by the Makefile.
.PHONY: bench kernels off-cost

bench: ## compare the interpreter with Go, C and wazero (about a minute)
	@cd bench/peers && $(GO) run .

kernels: ## compile the kernels of bench again (clang-19, lld-19)
	bench/build.sh

off-cost: ## what looking at each instruction costs while nobody looks
	@bench/off.sh
