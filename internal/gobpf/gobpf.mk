.PHONY: bench-go-containers
bench-go-containers: ## the examples in Go beside those in C: bytes of code, instructions executed
	@$(GO) test ./internal/gobpf -count=1 -run TestAgainstC -v | grep -v '^=== '
