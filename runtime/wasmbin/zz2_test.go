package wasmbin
import ("testing";"fmt")
func BenchmarkZZ(b *testing.B){
 wasm:=buildGo(b,false)
 m:=parse(b,wasm); n:=0; by:=0; cl:=map[string]int{}
 for i:=range m.Bodies{ w:=m.Bodies[i].Walk(); by+=len(m.Bodies[i].Raw); for in:=(Instr{});w.Next(&in);{n++
  switch in.Op{ case OpBlock,OpLoop,OpIf,OpElse,OpEnd: cl["ctl"]++; case OpBr,OpBrIf,OpBrTable,OpReturn: cl["br"]++; case OpCall,OpCallIndirect: cl["call"]++; case OpI32Const,OpI64Const:cl["const"]++; case OpLocalGet,OpLocalSet,OpLocalTee: cl["local"]++; case OpGlobalGet, OpGlobalSet: cl["global"]++} } }
 fmt.Println(len(m.Bodies),n,by,cl, len(m.Data))
 for b.Loop(){ m:=parse(b,wasm); everyPass(m); m.Encode() }
}
