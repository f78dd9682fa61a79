.PHONY: model-test

model-test: ## a million random lifecycle events beside a model, ten times go test's
	FEMTO_MODEL_EVENTS=1000000 $(GO) test -count=1 -run '^TestModel$$' ./engine
