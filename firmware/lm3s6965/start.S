// Interrupt vectors of the LM3S6965 firmware. All interrupts stay masked for
// good (the board polls and sleeps with wfi, which wakes on a pending one), so
// only reset and the faults have handlers.

.cfi_sections .debug_frame
.syntax unified
.thumb

.section .isr_vector, "a", %progbits
.global __isr_vector
__isr_vector:
    .long _fault_stack_top
    .long start
    .rept 14
    .long fault_handler
    .endr
.size __isr_vector, .-__isr_vector

// The firmware runs on the process stack, which board.Init guards: going over
// its end is a fault, whose handler has the main stack.
.section .text.start, "ax", %progbits
.global start
.type start, %function
.thumb_func
start:
    .cfi_startproc
    ldr r0, =_stack_top
    msr psp, r0
    movs r0, #2
    msr control, r0
    isb
    b Reset_Handler
    .cfi_endproc
.size start, .-start
.ltorg

// A fault (also a Go panic, which executes an undefined instruction) records
// where it happened and resets the device; board.ReportFault tells of it after
// the restart. The record is two words: a mark and the faulting pc, or 1 if the
// stack was used up, when there is no pc to be had.
.section .text.fault_handler, "ax", %progbits
.global fault_handler
.type fault_handler, %function
.thumb_func
fault_handler:
    .cfi_startproc
    ldr r0, =_fault_record
    ldr r1, =0xfa017ed0
    str r1, [r0]
    movs r1, #1
    mrs r2, psp
    ldr r3, =_stack_bottom
    cmp r2, r3
    blo 1f
    ldr r1, [r2, #24]
1:  str r1, [r0, #4]
    ldr r0, =0xe000ed0c
    ldr r1, =0x05fa0004
    str r1, [r0]
    dsb
2:  b 2b
    .cfi_endproc
.size fault_handler, .-fault_handler
.ltorg

// int semihost(int operation, void *argument): the emulator answers.
.section .text.semihost, "ax", %progbits
.global semihost
.type semihost, %function
.thumb_func
semihost:
    .cfi_startproc
    bkpt 0xab
    bx lr
    .cfi_endproc
.size semihost, .-semihost
