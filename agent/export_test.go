package agent

// Verbs returns the verbs of commands that an agent with everything knows.
func Verbs() (known []int) {
	for v, about := range verbs {
		if about != 0 {
			known = append(known, v)
		}
	}
	return append(known, VerbRecord)
}

// Paths returns the paths of an agent's resources.
func Paths() (known []string) {
	for i := range resources {
		known = append(known, resources[i].Path[1:])
	}
	return append(known, PathRecord)
}
