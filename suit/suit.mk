# The slow tests of manifests; the top Makefile includes this file.
.PHONY: mutate

mutate: ## change accepted envelopes in every way: none may be accepted
	FEMTO_MUTATE=1 $(GO) test -count=1 -timeout 30m -v -run TestMutations ./suit
