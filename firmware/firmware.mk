# Firmware for emulated boards; the top Makefile includes this file.
BOARDS = lm3s6965 lm3s6965-m4 lm3s6965-m7 riscv-virt

.PHONY: tinygo boards test-boards sizes counts

tinygo: ## find or build TinyGo and its libraries
	@firmware/toolchain.sh

boards: ## the firmware of every emulated board, in bin/firmware
	@for board in $(BOARDS); do \
		echo "build $$board"; \
		firmware/build.sh $$board ./firmware/$${board%-m[47]} bin/firmware/$$board.elf || exit 1; \
	done

test-boards: ## the firmware on emulated boards, end to end
	$(GO) test -tags boards -count=1 -timeout 20m ./firmware

sizes: ## flash and RAM of the firmware, into firmware/sizes.txt
	$(GO) test -tags boards -count=1 -run TestSizes ./firmware -update

counts: ## machine instructions of the device's work, exactly
	@$(GO) test -tags boards -count=1 -v -run TestCounts ./firmware
