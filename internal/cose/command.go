package cose

// CommandContext is the external data under which a signed command is signed.
// It keeps a manifest's signature from ever passing for a command's and the
// other way round.
const CommandContext = "femto command"

// ParseCommand reads a COSE_Sign1 with an attached payload and prepares its
// claim in s and scratch (see Message.Claim). The payload, a CBOR document in
// the strict subset, may be read only after the claim is verified.
func ParseCommand(b []byte, s *Signature, scratch *[PrefixSize]byte) Error {
	var m Message
	e := Parse(b, &m)
	if e == 0 && (m.Tag != TagSign1 || len(m.Payload) == 0 || !m.Claim(s, scratch, CommandContext, m.Payload)) {
		e = ErrStructure
	}
	return e
}
