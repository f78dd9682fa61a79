module fletcher32

go 1.26
