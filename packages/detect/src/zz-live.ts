import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { evaluate, loadRules } from './index.ts'
import { observe } from '../../../apps/agent/src/observe/observe.ts'
import { createProcessTable, processTableLimits } from '../../../apps/agent/src/observe/process-table.ts'
import { sampleContext } from '../../../apps/agent/src/observe/sample-observations.ts'
import { createFrameDecoder } from '../../../apps/agent/src/sources/frame.ts'
import { readBootNs, readProcesses } from '../../../apps/agent/src/sources/proc-snapshot.ts'
const folder='/work/main/rules'
const { ruleset } = loadRules(readdirSync(folder).filter(p=>p.endsWith('.yml')).map(path=>({path,text:readFileSync(join(folder,path),'utf8')})))
const dir = mkdtempSync('/tmp/live-'); chmodSync(dir,0o755)
const context = { ...sampleContext(), processes: createProcessTable(processTableLimits) }
const at = readBootNs(); context.processes.seed(readProcesses(), at)
const counts: Record<string,number> = {}
let ns=0, n=0, bytes=0
const server = createServer((socket)=>{ const d=createFrameDecoder(); socket.on('data',(c: Buffer)=>{ for(const m of d.push(c)){ if(m.kind==='hello'||m.kind==='report') continue
  const t=performance.now()
  context.processes.learn(m); const {event}=observe(m,context)
  const found=evaluate(ruleset, event)
  ns+=performance.now()-t; n++
  counts[m.kind]=(counts[m.kind]??0)+1; bytes+=JSON.stringify(event).length
  for (const {rule} of found) console.log('ALERT', rule.path, event.message, JSON.stringify((event.unmapped as any).relation))
}})})
server.listen(dir+'/s',()=>{ chmodSync(dir+'/s',0o666)
 const inst='live-'+process.pid
 const s=spawn('/work/main/apps/sensor/build/sensor',['--socket',dir+'/s','--instance',inst,'--watch','/etc/shadow','--watch','/etc/gshadow'],{stdio:'ignore'})
 process.on('SIGINT',()=>{ console.log(counts, (ns/n*1000).toFixed(1),'us/event', Math.round(bytes/n),'bytes', 'table', context.processes.size); s.kill('SIGTERM'); setTimeout(()=>{rmSync(dir,{recursive:true,force:true});rmSync('/sys/fs/bpf/sealwatch-'+inst,{recursive:true,force:true});process.exit(0)},500)})
 console.log('ready')
})
