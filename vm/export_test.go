package vm

// DeviceLoop chooses the loop of small processors, or that of hosts.
func DeviceLoop(on bool) { deviceLoop = on }
