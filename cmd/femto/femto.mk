.PHONY: author-bars
author-bars: ## from the saved file to the result of femto run (500 ms), to the device by femto watch (1 s): judged
	@dir=$$(mktemp -d) && trap 'rm -rf "$$dir"' EXIT && $(GO) build -o "$$dir/femto" ./cmd/femto && \
		FEMTO_BARS="$$dir/femto" $(GO) test ./cmd/femto -count=1 -run 'TestWatch' -v
