package main

import (
	"strings"
)

// sequences are those of instructions that hosts execute at once. A
// word is an instruction, or several in braces of which each makes a pattern.
// A sign before it says how it takes the value that the one before it left:
//
//	.  as its own destination
//	>  as its source
//	@  as the base of its address
//
// and without a sign it takes nothing. All are common in what compilers make
// of loops: eBPF has two addresses where programs have three, no address of
// two registers, no comparison with memory, and a jump of its own for the way
// back. A condition that is not last goes just over the jump behind it.
const sequences = `
	three addresses:
		MovX .{AddK,AddX,SubX,MulX,AndK,OrX,XorX,LshK,RshK,ArshK}
		Mov32X .{Add32K,Add32X,Sub32X,And32K,Lsh32K,Rsh32K,LshK}
	shifted operand; product and sum:
		MovX .{LshK,RshK} .{XorX,AddX,OrX}
		MovX .MulX .AddX
	extension to 64 bits:
		LshK .{RshK,ArshK}
	end of a loop:
		AddK {JltX,JneX,JneK,JeqK,JltK}
		Add32K {Jlt32X,Jne32X,Jne32K,Jlt32K}
		AddX JltX
		Add32X Jlt32X
		AddK AddK
		AddK AddK {JltX,JneX,JneK}
		AddK AddK JltX Ja
		AddK MovX {JeqK,JneK}
		AddK MovX JeqK Ja
		Add32K Mov32X Jne32K
	condition over a jump:
		{JeqK,JneK,JltX,JneX,Jeq32K,Jne32K,Jlt32X} Ja
	element of an array:
		Mov32X .LshK MovX .AddX
		MovX .LshK MovX .AddX
		Mov32X .Add32K .LshK
		LshK MovX .AddX
		MovX .AddX @{LoadB,LoadH,LoadW,LoadDW,StoreB,StoreH,StoreW,StoreDW}
	copy:
		LoadB >StoreB
		LoadH >StoreH
		LoadW >StoreW
		LoadDW >StoreDW
		MovX .AddX @LoadB >StoreB
	sum:
		{LoadB,LoadH,LoadW,LoadDW} {>AddX,>Add32X}
		{LoadB,LoadH,LoadW,LoadDW} {>AddX,>Add32X} AddK
	store and advance:
		{StoreB,StoreH,StoreW,StoreDW} AddK
		{StoreB,StoreH,StoreW,StoreDW} AddK JltX
	comparison with memory:
		{LoadB,LoadW} .{JeqK,JneK,Jeq32K,Jne32K}
		LoadDW .{JeqK,JneK}
		LoadW .{Jlt32X,Jgt32X,Jle32X,Jge32X}
		Add32K LoadW .{Jlt32X,Jgt32X}
		LoadW LoadW .{Jle32X,Jgt32X}
	exchange:
		LoadW LoadW
		StoreW StoreW
		StoreW Ja
		StoreW StoreW Ja
`

// A part is an instruction of a pattern and how it takes the value before it,
// 0 for not at all.
type part struct {
	instruction
	link byte
}

type pattern []part

func (p pattern) code() string {
	names := make([]string, len(p))
	for i := range p {
		names[i] = p[i].name
	}
	return "code" + strings.Join(names, "_")
}

// allPatterns are those of one instruction and then all others.
func allPatterns() []pattern {
	var all []pattern
	for _, in := range instructions {
		all = append(all, pattern{{in, 0}})
	}
	for line := range strings.Lines(sequences) {
		if line = strings.TrimSpace(line); line == "" || strings.HasSuffix(line, ":") {
			continue
		}
		for _, choice := range choices(line) {
			var p pattern
			for _, word := range strings.Fields(choice) {
				link := byte(0)
				if strings.IndexByte(".>@", word[0]) >= 0 {
					link, word = word[0], word[1:]
				}
				p = append(p, part{named(word), link})
			}
			all = append(all, p)
		}
	}
	return all
}

// choices are the lines that line stands for, one for each way to choose from
// its braces. A sign before braces is before each of what is in them.
func choices(line string) []string {
	before, rest, found := strings.Cut(line, "{")
	if !found {
		return []string{line}
	}
	list, after, _ := strings.Cut(rest, "}")
	var all []string
	for choice := range strings.SplitSeq(list, ",") {
		all = append(all, choices(before+choice+after)...)
	}
	return all
}
