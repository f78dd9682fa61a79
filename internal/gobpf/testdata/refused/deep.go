package refused

func f0(n int) int { return f1(n) + 0 }

func f1(n int) int { return f2(n) + 1 }

func f2(n int) int { return f3(n) + 2 }

func f3(n int) int { return f4(n) + 3 }

func f4(n int) int { return f5(n) + 4 }

func f5(n int) int { return f6(n) + 5 }

func f6(n int) int { return f7(n) + 6 }

func f7(n int) int { return f8(n) + 7 }

func f8(n int) int { return f9(n) + 8 }

func f9(n int) int { return f10(n) + 9 }

func f10(n int) int { return f11(n) + 10 }

func f11(n int) int { return f12(n) + 11 }

func f12(n int) int { return f13(n) + 12 }

func f13(n int) int { return f14(n) + 13 }

func f14(n int) int { return f15(n) + 14 }

func f15(n int) int { return f16(n) + 15 }

func f16(n int) int { return f17(n) + 16 }

func f17(n int) int { return f18(n) + 17 }

func f18(n int) int { return f19(n) + 18 }

func f19(n int) int { return f20(n) + 19 }

func f20(n int) int { return f21(n) + 20 }

func f21(n int) int { return f22(n) + 21 }

func f22(n int) int { return f23(n) + 22 }

func f23(n int) int { return f24(n) + 23 }

func f24(n int) int { return f25(n) + 24 }

func f25(n int) int { return f26(n) + 25 }

func f26(n int) int { return f27(n) + 26 }

func f27(n int) int { return f28(n) + 27 }

func f28(n int) int { return f29(n) + 28 }

func f29(n int) int { return f30(n) + 29 }

func f30(n int) int { return f31(n) + 30 }

func f31(n int) int { return f32(n) + 31 }

func f32(n int) int { return f33(n) + 32 }

func f33(n int) int { return f34(n) + 33 }

func f34(n int) int { return f35(n) + 34 }

func f35(n int) int { return f36(n) + 35 }

func f36(n int) int { return f37(n) + 36 }

func f37(n int) int { return f38(n) + 37 }

func f38(n int) int { return f39(n) + 38 }

func f39(n int) int { return f40(n) + 39 }

func f40(n int) int { return f41(n) + 40 }

func f41(n int) int { return f42(n) + 41 }

func f42(n int) int { return f43(n) + 42 }

func f43(n int) int { return f44(n) + 43 }

func f44(n int) int { return f45(n) + 44 }

func f45(n int) int { return f46(n) + 45 }

func f46(n int) int { return f47(n) + 46 }

func f47(n int) int { return f48(n) + 47 }

func f48(n int) int { return f49(n) + 48 }

func f49(n int) int { return f50(n) + 49 }

func f50(n int) int { return f51(n) + 50 }

func f51(n int) int { return f52(n) + 51 }

func f52(n int) int { return f53(n) + 52 }

func f53(n int) int { return f54(n) + 53 }

func f54(n int) int { return f55(n) + 54 }

func f55(n int) int { return f56(n) + 55 }

func f56(n int) int { return f57(n) + 56 }

func f57(n int) int { return f58(n) + 57 }

func f58(n int) int { return f59(n) + 58 }

func f59(n int) int { return f60(n) + 59 }

func f60(n int) int { return f61(n) + 60 }

func f61(n int) int { return f62(n) + 61 }

func f62(n int) int { return f63(n) + 62 }

func f63(n int) int { return f64(n) + 63 }

func f64(n int) int { return f65(n) + 64 }

func f65(n int) int { return f66(n) + 65 }

func f66(n int) int { return f67(n) + 66 }

func f67(n int) int { return f68(n) + 67 }

func f68(n int) int { return f69(n) + 68 }

func f69(n int) int { return f70(n) + 69 }

func f70(n int) int { return n }

//femto:hook event
func Run(ctx []byte) int { return f0(len(ctx)) }
