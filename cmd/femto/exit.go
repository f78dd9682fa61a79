package main

// Exit codes are a promise to scripts: numbers never change their meaning.
const (
	exitOK          = 0
	exitFailure     = 1
	exitUsage       = 2
	exitRejected    = 3
	exitBudget      = 4
	exitTests       = 5
	exitUnreachable = 10
	exitUntrusted   = 11
	exitRefused     = 12
	exitMismatch    = 13
	exitResumable   = 15
	exitTools       = 20
	exitTimeout     = 124
	exitInterrupted = 130
)

// exitCodes is what people read about them, and the word that an error in JSON
// carries as its code.
var exitCodes = []struct {
	code    int
	word    string
	meaning string
}{
	{exitOK, "ok", "done, or already as wanted"},
	{exitFailure, "failure", "any other failure"},
	{exitUsage, "usage", "misuse of the command line, or a file that cannot be read"},
	{exitRejected, "rejected", "a source, image or manifest that is wrong, or that no device would load"},
	{exitBudget, "budget", "the container spent its budget, or takes more than femto.toml allows"},
	{exitTests, "tests", "a test failed"},
	{exitUnreachable, "unreachable", "the device does not answer"},
	{exitUntrusted, "untrusted", "a signature, key or digest is not accepted"},
	{exitRefused, "refused", "the device refused: its report says at which stage and why"},
	{exitMismatch, "mismatch", "the device lacks what the container needs"},
	{exitResumable, "resumable", "a transfer was cut: the same command goes on with it"},
	{exitTools, "tools", "a compiler or what else femto doctor looks for is missing"},
	{exitTimeout, "timeout", "--timeout passed"},
	{exitInterrupted, "interrupted", "Ctrl-C"},
}

func exitWord(code int) string {
	for _, e := range exitCodes {
		if e.code == code {
			return e.word
		}
	}
	return "failure"
}
