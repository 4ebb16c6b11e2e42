import { readdirSync, readFileSync } from 'node:fs'
import { evaluate, loadRules } from './index.ts'
import { observe } from '../../../apps/agent/src/observe/observe.ts'
import { sampleContext, sampleObservations } from '../../../apps/agent/src/observe/sample-observations.ts'
const dir='/work/shared/rules-samples/sigma-linux'
const foreign=(readdirSync(dir,{recursive:true}) as string[]).filter(f=>f.endsWith('.yml')).map(path=>({path,text:readFileSync(dir+'/'+path,'utf8')}))
const own=readdirSync('/work/main/rules').filter(f=>f.endsWith('.yml')).map(path=>({path,text:readFileSync('/work/main/rules/'+path,'utf8')}))
const all=loadRules([...own,...foreign]).ruleset, mine=loadRules(own).ruleset
const ctx=sampleContext()
const exec=sampleObservations['process-launch']!, file=sampleObservations['file-read']!
function time(name:string, f:()=>unknown, n=20000){ for(let i=0;i<5000;i++) f(); const c=process.cpuUsage(); for(let i=0;i<n;i++) f(); const d=process.cpuUsage(c); console.log(name, ((d.user+d.system)/n).toFixed(2),'us cpu') }
time('learn+observe exec',()=>{ctx.processes.learn(exec); return observe(exec,ctx)})
time('learn+observe file',()=>{ctx.processes.learn(file); return observe(file,ctx)})
const e=observe(exec,ctx).event, f=observe(file,ctx).event
time('evaluate exec, own rules',()=>evaluate(mine,e))
time('evaluate exec, own+61',()=>evaluate(all,e))
time('evaluate shadow, own',()=>evaluate(mine,f))
