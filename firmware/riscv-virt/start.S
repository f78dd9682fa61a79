// What the riscv-virt firmware has in assembly beside TinyGo's start-up code.

.cfi_sections .debug_frame

// The emulator's reset leaves interrupts chosen and the timer's time reached,
// and TinyGo's start-up allows interrupts before it sees to either.
.section .init, "ax", @progbits
.global start
.type start, @function
start:
    csrw mie, zero
    // The emulator leaves .data behind the program, and TinyGo's start-up for
    // this machine does not fetch it.
    la t0, _sidata
    la t1, _sdata
    la t2, _edata
1:  bgeu t1, t2, 2f
    lw t3, 0(t0)
    sw t3, 0(t1)
    addi t0, t0, 4
    addi t1, t1, 4
    j 1b
2:  j _start
.size start, .-start

// A fault (also a Go panic, which executes an undefined instruction) records
// where it happened and resets the device; board.Init makes this the trap
// handler. Interrupts stay masked for good, so only faults come here. The
// record is two words: a mark and the faulting pc, or 1 if the stack was used up.
.section .text.fault_handler, "ax", @progbits
.global fault_handler
.type fault_handler, @function
.balign 4
fault_handler:
    la t0, _fault_record
    li t1, 0xfa017ed0
    sw t1, 0(t0)
    csrr t1, mepc
    la t2, _stack_bottom
    bgeu sp, t2, 1f
    li t1, 1
1:  sw t1, 4(t0)
    li t0, 0x100000
    li t1, 0x7777
    sw t1, 0(t0)
2:  j 2b
.size fault_handler, .-fault_handler

// int semihost(int operation, void *argument): the emulator answers. The three
// instructions are the mark, never compressed and never on two pages.
.section .text.semihost, "ax", @progbits
.global semihost
.type semihost, @function
.balign 16
semihost:
    .cfi_startproc
    .option push
    .option norvc
    slli zero, zero, 0x1f
    ebreak
    srai zero, zero, 7
    .option pop
    ret
    .cfi_endproc
.size semihost, .-semihost
