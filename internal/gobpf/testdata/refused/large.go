package refused

func f0(n int) int { return f1(n) + f1(n+1) }

func f1(n int) int { return f2(n) + f2(n+2) }

func f2(n int) int { return f3(n) + f3(n+3) }

func f3(n int) int { return f4(n) + f4(n+4) }

func f4(n int) int { return f5(n) + f5(n+5) }

func f5(n int) int { return f6(n) + f6(n+6) }

func f6(n int) int { return f7(n) + f7(n+7) }

func f7(n int) int { return f8(n) + f8(n+8) }

func f8(n int) int { return f9(n) + f9(n+9) }

func f9(n int) int { return f10(n) + f10(n+10) }

func f10(n int) int { return f11(n) + f11(n+11) }

func f11(n int) int { return f12(n) + f12(n+12) }

func f12(n int) int { return f13(n) + f13(n+13) }

func f13(n int) int { return f14(n) + f14(n+14) }

func f14(n int) int { return f15(n) + f15(n+15) }

func f15(n int) int { return f16(n) + f16(n+16) }

func f16(n int) int { return f17(n) + f17(n+17) }

func f17(n int) int { return n }

//femto:hook event
func Run(ctx []byte) int { return f0(len(ctx)) }
