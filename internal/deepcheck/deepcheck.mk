# Included by the Makefile: the deep check against runs of made-up programs, for
# DEEPCHECK_SECONDS; the seed is another each time.
DEEPCHECK_SECONDS ?= 600

.PHONY: deepcheck-long
deepcheck-long: ## hold the deep check against the reference interpreter for DEEPCHECK_SECONDS
	DEEPCHECK_SECONDS=$(DEEPCHECK_SECONDS) $(GO) test -count=1 -timeout 0 -run '^TestSound$$' -v ./internal/deepcheck
