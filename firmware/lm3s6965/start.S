// Interrupt vectors of the LM3S6965 firmware. All interrupts stay masked for
// good (the board polls and sleeps with wfi, which wakes on a pending one), so
// only reset and the faults have handlers.

.cfi_sections .debug_frame
.syntax unified
.thumb

.section .isr_vector, "a", %progbits
.global __isr_vector
__isr_vector:
    .long _stack_top
    .long Reset_Handler
    .rept 14
    .long fault_handler
    .endr
.size __isr_vector, .-__isr_vector

// A fault (also a Go panic, which executes an undefined instruction) records
// where it happened and resets the device; board.Init reports it after the
// restart. The record is two words: a mark and the faulting pc.
.section .text.fault_handler, "ax", %progbits
.global fault_handler
.type fault_handler, %function
.thumb_func
fault_handler:
    .cfi_startproc
    ldr r0, =_fault_record
    ldr r1, =0xfa017ed0
    str r1, [r0]
    // After a stack overflow the exception frame is not there to be read.
    movs r1, #0
    mov r2, sp
    ldr r3, =_stack_bottom
    cmp r2, r3
    blo 1f
    ldr r1, [sp, #24]
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
