# Included by the Makefile.
.PHONY: interop

interop: ## CoAP against go-coap and Node.js's coap (needs npm)
	@cd internal/client/peers && npm ci --silent --no-audit --no-fund && $(GO) test -count=1 -v .
