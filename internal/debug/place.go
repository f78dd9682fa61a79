package debug

import (
	"path"
	"slices"
	"strings"
)

// A Place is where in the source an instruction comes from.
type Place struct {
	File string // as the side file has it
	Line int    // from 1
}

// PlaceAt returns where in the source the instruction at a slot comes from.
func (s *Session) PlaceAt(slot int) (Place, bool) {
	line, ok := s.Debug.Place(slot)
	return Place{line.File, line.Line}, ok
}

// HasVariables reports whether the side file knows variables.
func (s *Session) HasVariables() bool { return len(s.Debug.Variables) > 0 }

// Files lists the sources.
func (s *Session) Files() (list []string) {
	for _, line := range s.Debug.Lines {
		if line.Line > 0 && !slices.Contains(list, line.File) {
			list = append(list, line.File)
		}
	}
	return list
}

// File finds a source by what people or editors call it: a path that ends in
// its name or, if there is only one such, its base name.
func (s *Session) File(name string) (string, bool) {
	name = path.Clean(strings.ReplaceAll(name, `\`, "/"))
	files := s.Files()
	for _, file := range files {
		if name == file || strings.HasSuffix(name, "/"+file) || strings.HasSuffix(file, "/"+name) {
			return file, true
		}
	}
	var same []string
	for _, file := range files {
		if path.Base(file) == path.Base(name) {
			same = append(same, file)
		}
	}
	if len(same) != 1 {
		return "", false
	}
	return same[0], true
}

// SlotsOf returns where a line of a source begins, and the line, which is the
// next one that has instructions. The compiler mixes lines and repeats them: of
// the pieces of a line, those count that come from the same column as the first
// one in their function.
func (s *Session) SlotsOf(file string, line int) (slots []int, actual int) {
	for _, l := range s.Debug.Lines {
		if l.File == file && l.Line >= line && (actual == 0 || l.Line < actual) {
			actual = l.Line
		}
	}
	if actual == 0 {
		return nil, 0
	}
	columns := map[int]int{} // of functions, by their slot
	for _, l := range s.Debug.Lines {
		if l.File != file || l.Line != actual {
			continue
		}
		f := s.Function(l.Slot)
		column, ok := columns[f.Slot]
		if !ok {
			columns[f.Slot], column = l.Column, l.Column
		}
		if l.Column == column {
			slots = append(slots, l.Slot)
		}
	}
	return slots, actual
}
