# Firmware for emulated boards; the top Makefile includes this file.
BOARDS = lm3s6965 lm3s6965-m4 lm3s6965-m7 riscv-virt

.PHONY: tinygo boards demo-boards record-boards record-cost demo-memory test-boards sizes counts

tinygo: ## find or build TinyGo and its libraries
	@firmware/toolchain.sh

boards: ## the firmware of every emulated board, in bin/firmware
	@for board in $(BOARDS); do \
		echo "build $$board"; \
		firmware/build.sh $$board ./firmware/$${board%-m[47]} bin/firmware/$$board.elf || exit 1; \
	done

demo-boards: ## the firmware that has what examples/three-containers needs
	@for board in lm3s6965 riscv-virt; do \
		echo "build $$board-demo"; \
		firmware/build.sh $$board ./firmware/$$board bin/firmware/$$board-demo.elf -tags demo || exit 1; \
	done

record-boards: ## the firmware that records what containers do
	@for board in lm3s6965 riscv-virt; do \
		echo "build $$board-record"; \
		firmware/build.sh $$board ./firmware/$$board bin/firmware/$$board-record.elf -tags record || exit 1; \
	done

record-cost: ## flash, RAM and instructions of firmware with recording and without
	@$(GO) test -tags boards -count=1 -v -run TestRecordCost ./firmware

demo-memory: ## RAM of examples/three-containers on the emulated Cortex-M3
	@$(GO) test -tags boards -count=1 -v -run TestDemonstrationMemory ./firmware

test-boards: ## the firmware on emulated boards, end to end
	$(GO) test -tags boards -count=1 -timeout 20m ./firmware

sizes: ## flash and RAM of the firmware, into firmware/sizes.txt
	$(GO) test -tags boards -count=1 -run TestSizes ./firmware -update

counts: ## machine instructions of the device's work, exactly
	@$(GO) test -tags boards -count=1 -v -run TestCounts ./firmware
