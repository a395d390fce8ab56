// `npm run chaos [-- --seed N --minutes N --mode single|cluster --plan]`: while work goes on, programs are killed and stopped, networks
// cut, disks filled and handles taken away, as the seed decides. At the end no run is lost, no call that changes something was made
// twice, and no process and no handle is left. Half of the time is for one machine and half for several.
import { startSuite } from "../checks.mjs"
import { programs } from "../drill/postgres.mjs"
import { sleep } from "../drill/world.mjs"
import { makeReady } from "../ready.mjs"
import { fail } from "../workspace.mjs"
import * as cluster from "./cluster.mjs"
import { processesWith } from "./machine.mjs"
import { schedule, told } from "./schedule.mjs"
import * as single from "./single.mjs"
import { changesIn } from "./stored.mjs"

const option = (name, otherwise) => {
  const at = process.argv.indexOf(`--${name}`)
  return at === -1 ? otherwise : (process.argv[at + 1] ?? "")
}
const number = (name, otherwise) => {
  const value = Number(option(name, otherwise))
  return value > 0 ? value : fail(`chaos: --${name} takes a number above 0`)
}
const seed = number("seed", 1)
const minutes = number("minutes", 10)
const modes = { single, cluster }
const wanted = option("mode", undefined)
if (wanted !== undefined && modes[wanted] === undefined) fail("chaos: --mode is single or cluster")
if (process.platform !== "linux") fail("chaos: it needs Linux: /proc, prlimit and tmpfs")
const chosen = Object.entries(modes).filter(([name]) => wanted === undefined || name === wanted)

const planOf = ({ kinds, missing }) => {
  const left = missing()
  const possible = Object.fromEntries(Object.entries(kinds).filter(([name]) => !left.includes(name)))
  return schedule(seed, minutes / chosen.length, possible)
}
if (process.argv.includes("--plan")) {
  for (const [name, mode] of chosen) console.log([`${name}:`, ...planOf(mode).map(told)].join("\n"))
  process.exit(0)
}

await makeReady().catch((error) => fail(error.message))
const suite = startSuite("chaos")
const closing = []
for (const signal of ["SIGINT", "SIGTERM"]) {
  process.once(signal, () => void Promise.all(closing.map((close) => close())).then(() => process.exit(1)))
}
// a program that was killed in the middle of an answer is what this is about
process.on("unhandledRejection", () => {})

const most = (all) =>
  all.reduce(
    (sum, one) => Object.fromEntries(Object.entries(one).map(([kind, n]) => [kind, Math.max(n, sum[kind] ?? 0)])),
    {}
  )
const listed = (found) => (Array.isArray(found) ? found : [found])
const inWords = (handles) =>
  Object.entries(handles)
    .map(([kind, n]) => `${n} ${kind}`)
    .join(", ")

const carryOut = async (name, mode) => {
  const bin = name === "cluster" ? await programs() : undefined
  if (name === "cluster" && bin === undefined) {
    console.log("cluster: left out, since there is no PostgreSQL here")
    return
  }
  for (const kind of mode.missing()) console.log(`${name}: left out, since only root can do it: ${kind}`)
  const plan = planOf(mode)
  const at = await mode.make(seed, bin)
  closing.push(at.close)
  const record = (what, problem) => suite.record(`${name}: ${what}`, problem)
  try {
    await at.warm()
    const before = most(listed(await at.holds()))
    const began = Date.now()
    const acts = []
    const failures = []
    for (const fault of plan) {
      await sleep(Math.max(0, began + fault.at * 1000 - Date.now()))
      console.log(told(fault))
      acts.push(
        Promise.resolve(at.acts[fault.kind](fault)).catch((error) => failures.push(`${fault.kind}: ${error.message}`))
      )
    }
    await Promise.all(acts)
    const { problems, runs, resumed, statuses } = await at.finish()
    const after = most(listed(await at.holds()))
    await at.end?.()
    await at.stop?.()
    console.log(
      `${name}: ${plan.length} faults, ${runs} runs, ${resumed} of them gone on with; ${at.world.effects().length} lines of effects` +
        `${statuses === undefined ? "" : `; ${statuses}`}; seed ${seed}`
    )
    record("the faults could be made", failures.length === 0 ? undefined : failures.join("\n"))
    record("no run is lost", problems.length === 0 ? undefined : problems.join("\n"))
    const changes = changesIn(at.world.effects())
    const twice = changes.filter((line, index) => changes.indexOf(line) !== index)
    record(`none of ${changes.length} changing calls was made twice`, twice.length === 0 ? undefined : twice.join("\n"))
    const more = Object.keys(after).filter((kind) => after[kind] > (at.most?.[kind] ?? before[kind]))
    record(
      `no handle is left: ${inWords(after)}`,
      more.length === 0 ? undefined : `before: ${inWords(before)}\nafter: ${inWords(after)}`
    )
    const orphans = processesWith(at.world.effectsFile).filter(({ args }) => !args.includes("scripts/drill/simulator"))
    record(
      "no process is left",
      orphans.length === 0 ? undefined : orphans.map(({ args, pid }) => `${pid} ${args}`).join("\n")
    )
  } finally {
    await at.close()
    closing.pop()
  }
}

for (const [name, mode] of chosen) await carryOut(name, mode)
process.exit(suite.finish())
