// `npm run drill [-- --short | --only TEXT]`: workers, fronts and the database die in the middle of things, and afterwards no run is lost, no
// call that changes something ran twice, and nobody was asked for nothing. Real processes; LM Studio is the stand-in.
// `npm run drill -- recovery`: the drills of docs/operations/recovery.md instead. `npm run drill -- thousand`: a long queue.
import { startSuite } from "../checks.mjs"
import { makeReady } from "../ready.mjs"
import { fail } from "../workspace.mjs"
import { programs, startPostgres } from "./postgres.mjs"
import { cutsAndFronts } from "./scenes.mjs"
import { eventually, makeWorld, sleep } from "./world.mjs"

// it ends the process
if (process.argv[2] === "recovery") await import("./recovery.mjs")
if (process.argv[2] === "thousand") await import("./thousand.mjs")

const suite = startSuite("drill")
const only = process.argv[process.argv.indexOf("--only") + 1]
/** In CI: a few of them, begun within so long, whatever else the machine does. */
const isShort = process.argv.includes("--short")
const latestStart = Date.now() + 45_000
const short = ["at a call that changes", "SIGTERM", "a front is killed", "SIGSTOP", "the invariants"]
const isWanted = (name) =>
  isShort ? short.some((part) => name.includes(part)) : !process.argv.includes("--only") || name.includes(only)
const bin = await programs()
if (bin === undefined) {
  process.exit(suite.skip("there is no PostgreSQL here, and Debian's package postgresql cannot be installed"))
}
await makeReady().catch((error) => fail(error.message))
const postgres = await startPostgres(bin)
const world = await makeWorld(postgres, isShort ? 25 : 60)
const { asked, cli, effects, stateOf, submit, until, worker } = world

const expect = (holds, otherwise) => {
  if (!holds) throw new Error(otherwise)
}
const check = async (name, body) => {
  if (!isWanted(name)) return
  if (isShort && Date.now() > latestStart && !name.startsWith("the invariants")) {
    return console.log(`  left out, for want of time: ${name}`)
  }
  const began = Date.now()
  try {
    await body()
    suite.record(`${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`)
  } catch (error) {
    suite.record(name, `${error.message}\n${effects().slice(-8).join("\n")}`)
  }
}
const times = (line) => effects().filter((one) => one === line).length
const begun = (line) => eventually(`${line} begins`, () => times(`begin ${line}`) > 0)
const done = async (runId, seconds) => {
  const { status } = await until(runId, "ended", seconds)
  expect(status === "done", `${runId} ended as ${status}`)
}

const close = async () => {
  await world.close()
  await postgres.close()
}
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => void close().then(() => process.exit(1)))

let team = []
const hire = async () => team.push(await worker())
const workerOf = async (runId) => {
  const { worker: name } = await stateOf(runId)
  return team.find((one) => one.name === name)
}
const dismiss = (one) => (team = team.filter((other) => other !== one))

try {
  await hire()
  await hire()

  await check("kill -9 at a call that reads: another worker calls again, nobody is asked", async () => {
    const run = await submit("[r1] note lookslowly note")
    await begun("lookslowly r1 1")
    const victim = await workerOf(run)
    await victim.kill("SIGKILL")
    dismiss(victim)
    await hire()
    await done(run)
    expect(times("begin note r1 0") === 1 && times("begin note r1 2") === 1, "a note was written twice")
    expect(times("begin lookslowly r1 1") === 2, "the look was not repeated")
    expect((await asked(run)) === 0, "somebody was asked")
  })

  await check("kill -9 at a call that changes something: it is asked about, and not repeated after a no", async () => {
    const run = await submit("[r2] noteslowly look")
    await begun("noteslowly r2 0")
    const victim = await workerOf(run)
    await victim.kill("SIGKILL")
    dismiss(victim)
    await hire()
    await until(run, "waiting")
    // what a dead worker said of itself does not count
    await eventually("the slot is free", async () => {
      const [[held]] = await postgres.rows("select count(*) from lms_queue where not done and taken_until > now()")
      return Number(held) === 0
    })
    const { code, err } = await cli("approve", run, "no")
    expect(code === 0, err)
    await done(run)
    expect(times("begin noteslowly r2 0") === 1, "the note was written twice")
    expect((await asked(run)) === 1, "it was asked more than once")
  })

  await check(
    "kill -9 of every worker while a person is asked: the answer is kept, and the call runs once",
    async () => {
      const run = await submit("[r3] look wipe look")
      await until(run, "waiting")
      for (const one of team) await one.kill("SIGKILL")
      team = []
      expect((await cli("approve", run, "yes")).code === 0, "the answer was not taken")
      await hire()
      await hire()
      await done(run)
      expect(times("begin wipe r3 1") === 1, `it was wiped ${times("begin wipe r3 1")} times`)
      expect((await asked(run)) === 1, "it was asked again")
      const again = await cli("approve", run, "no")
      expect(again.code === 2 && again.err.includes("asks nothing now"), `a late answer: ${again.code} ${again.err}`)
    }
  )

  await check("kill -9 while the model is loaded: another worker goes on", async () => {
    await hire()
    const [fresh] = team.slice(-1)
    await postgres.rows(`update lms_hosts set draining = name <> '${fresh.name}'`)
    await sleep(2500)
    const run = await submit("[r4] note")
    await until(run, "running")
    await sleep(1500)
    await fresh.kill("SIGKILL")
    dismiss(fresh)
    await postgres.rows("update lms_hosts set draining = false")
    await done(run)
    expect(times("begin note r4 0") === 1 && (await asked(run)) === 0, "it was repeated, or asked about")
  })

  await check("SIGSTOP for longer than the lease, and SIGCONT: the sleeper is fenced off", async () => {
    const run = await submit("[r5] lookslowly note note note")
    await begun("lookslowly r5 0")
    const sleeper = await workerOf(run)
    sleeper.kill("SIGSTOP")
    await eventually("another worker has it", async () => (await stateOf(run)).worker !== sleeper.name)
    sleeper.kill("SIGCONT")
    await done(run)
    for (const step of [1, 2, 3]) expect(times(`begin note r5 ${step}`) === 1, `note ${step} was written twice`)
    expect((await asked(run)) === 0, "somebody was asked")
  })

  await check("SIGTERM in the middle of a call: it ends, the rest is done elsewhere, nobody is asked", async () => {
    const run = await submit("[r6] noteslowly note note")
    await begun("noteslowly r6 0")
    const leaver = await workerOf(run)
    const { code } = await leaver.kill("SIGTERM")
    dismiss(leaver)
    expect(code === 0, `the worker ended with ${code}`)
    expect(times("end noteslowly r6 0") === 1, "the call did not end")
    await hire()
    await done(run)
    expect(times("begin noteslowly r6 0") === 1 && (await asked(run)) === 0, "it was repeated, or asked about")
    expect((await stateOf(run)).worker !== leaver.name, "the worker that left has it")
  })

  await check("the database is away for 15 s, twice: every run ends, and none is lost", async () => {
    const runs = [await submit("[r7] note lookslowly note"), await submit("[r8] lookslowly noteslowly note")]
    await begun("lookslowly r7 1")
    for (let round = 0; round < 2; round++) {
      await postgres.stop()
      await sleep(15_000)
      await postgres.start()
      await sleep(2000)
    }
    const refused = new Set()
    for (const run of runs) {
      const { state } = await eventually("it ends or asks", async () => {
        const found = await stateOf(run)
        return ["ended", "waiting"].includes(found.state) && found
      })
      // a change that had begun, or may have, for all that is stored, is in doubt, and only that
      if (state === "waiting") {
        const [[event]] = await postgres.rows(`
          select e.event from lms_runs r join lms_run_events e on e.run_id = r.run_id and e.seq = r.asked
          where r.run_id = '${run}'`)
        expect(event.includes("whether it took effect is not known"), `it was asked for nothing: ${event}`)
        const { arguments: given, tool } = JSON.parse(event)
        refused.add(`${tool} ${given.run} ${given.step}`)
        await cli("approve", run, "no")
      }
      await done(run)
    }
    for (const line of ["note r7 0", "note r7 2", "noteslowly r8 1", "note r8 2"]) {
      const ran = times(`begin ${line}`)
      expect(ran === 1 || (ran === 0 && refused.has(line)), `${line} ran ${ran} times`)
    }
  })

  await check("a front is killed while it hands in: what has a start is carried out", async () => {
    const before = Number((await postgres.rows("select count(*) from lms_runs"))[0][0])
    const lines = Array.from({ length: 20 }, (_, index) => `[f${index}] note`).join("\n")
    const front = world.start("submit", world.file("tasks.jsonl", lines), "--mcp", "drill")
    await eventually(
      "some are handed in",
      async () => Number((await postgres.rows("select count(*) from lms_runs"))[0][0]) > before + 3
    )
    await front.kill("SIGKILL")
    const [[handed]] = await postgres.rows("select count(*) from lms_runs")
    expect(Number(handed) < before + 20, "the front was too quick for the drill")
    await eventually(
      "all of them end",
      async () => Number((await postgres.rows("select count(*) from lms_runs where state <> 'ended'"))[0][0]) === 0
    )
    const [[lost]] = await postgres.rows("select count(*) from lms_runs where status <> 'done'")
    expect(Number(lost) === 0, `${lost} did not end well`)
  })

  await check("cancel and drain: a queued run ends at once, one under way within the lease", async () => {
    for (const { name } of team) expect((await cli("hosts", "drain", name)).code === 0, `${name} was not drained`)
    await sleep(2500)
    const queued = await submit("[c1] note")
    await sleep(2500)
    expect((await stateOf(queued)).state === "queued", "a drained host took it")
    expect((await cli("runs", "cancel", queued)).out.includes("is cancelled"), "it was not cancelled")
    expect((await stateOf(queued)).state === "ended", "it is not over")
    for (const { name } of team) await cli("hosts", "resume", name)
    const under = await submit("[c2] lookslowly lookslowly lookslowly note")
    await begun("lookslowly c2 0")
    expect((await cli("runs", "cancel", under)).code === 0, "it was not cancelled")
    await until(under, "ended", 8)
    expect(times("begin note c1 0") === 0 && times("begin note c2 3") === 0, "a cancelled run went on")
    const resumed = await cli("runs", "resume", under)
    expect(resumed.code === 0 && resumed.out.includes("Done."), `it was not resumed: ${resumed.code} ${resumed.err}`)
    expect(times("begin note c2 3") === 1 && (await asked(under)) === 0, "the note was not written once")
  })

  await check("serve is a front: what a client delegates is carried out by a worker", async () => {
    const before = Number((await postgres.rows("select count(*) from lms_runs"))[0][0])
    const answer = await world.delegate("[m1] look note")
    expect(answer.includes("Done."), `the client got ${answer}`)
    expect(times("begin note m1 1") === 1, "the note was not written once")
    expect(Number((await postgres.rows("select count(*) from lms_runs"))[0][0]) === before + 1, "it was not handed in")
  })

  await cutsAndFronts({ begun, check, done, expect, postgres, team: () => team, times, world })

  await check("the invariants: no run lost, no change twice, every question answered", async () => {
    const open = await postgres.rows(`
      select r.run_id, r.state, substring(e.event from '\\[\\w+\\][\\w ]+')
      from lms_runs r left join lms_run_events e on e.run_id = r.run_id and e.pos = 0 where r.state <> 'ended'`)
    expect(open.length === 0, `not ended: ${open.join(", ")}`)
    const changes = effects().filter((line) => /^begin (note|noteslowly|wipe) /.test(line))
    const twice = changes.filter((line, index) => changes.indexOf(line) !== index)
    expect(twice.length === 0, `twice: ${twice.join(", ")}`)
    const gaps = await postgres.rows(
      "select run_id from lms_run_events group by run_id having max(pos) + 1 <> count(*)"
    )
    expect(gaps.length === 0, `journals with gaps: ${gaps.join(", ")}`)
  })
} finally {
  await close()
}
process.exit(suite.finish())
