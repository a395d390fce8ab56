// The scenes of the drill that cut the network, set clocks wrong, and bring in other versions and a second front.
import { eventually, sleep } from "./world.mjs"

const skew = 60_000

export const cutsAndFronts = async ({ begun, check, done, expect, postgres, team, times, world }) => {
  const { asked, cli, stateOf, submit, until, worker } = world
  /** Runs what follows with these workers alone. */
  const alone = async (workers, body) => {
    const others = team().map(({ name }) => name)
    for (const name of others) await cli("hosts", "drain", name)
    await sleep(2500)
    try {
      await body()
    } finally {
      for (const one of workers) await one.kill("SIGKILL")
      for (const name of others) await cli("hosts", "resume", name)
    }
  }
  const withLinks = async (count, body) => {
    const workers = []
    for (let index = 0; index < count; index++)
      workers.push(await worker({ links: true, env: { LMS_BRIDGE_FIRST_BYTE_TIMEOUT: "5s" } }))
    await alone(workers, () => body(workers))
  }
  const workerOf = async (workers, runId) => {
    const { worker: name } = await stateOf(runId)
    return workers.find((one) => one.name === name)
  }

  await check("a cut between worker and database, shorter than the lease: nobody notices", () =>
    withLinks(2, async (workers) => {
      const run = await submit("[n1] noteslowly note")
      await begun("noteslowly n1 0")
      const { links, name } = await workerOf(workers, run)
      links.database.cut()
      await sleep(2000)
      links.database.mend()
      await done(run)
      for (const line of ["noteslowly n1 0", "note n1 1"]) expect(times(`begin ${line}`) === 1, `${line} ran twice`)
      expect((await asked(run)) === 0, "somebody was asked")
      expect((await stateOf(run)).worker === name, "another worker took it")
    })
  )

  await check(
    "a cut between worker and database, longer than the lease: another goes on, the first is fenced off",
    () =>
      withLinks(2, async (workers) => {
        const run = await submit("[n2] lookslowly note note")
        await begun("lookslowly n2 0")
        const { links, name } = await workerOf(workers, run)
        links.database.cut()
        await eventually("another worker has it", async () => (await stateOf(run)).worker !== name)
        await done(run)
        links.database.mend()
        await sleep(3000)
        for (const step of [1, 2]) expect(times(`begin note n2 ${step}`) === 1, `note ${step} was written twice`)
        expect((await asked(run)) === 0 && (await stateOf(run)).state === "ended", "it was asked about, or reopened")
      })
  )

  await check("connections to the database that never answer again: the worker makes new ones", () =>
    withLinks(1, async ([only]) => {
      only.links.database.cut()
      await sleep(1000)
      only.links.database.forget()
      await sleep(12_000)
      const runs = [await submit("[n3] lookslowly note"), await submit("[n6] lookslowly note")]
      await eventually("both slots work", async () =>
        (await Promise.all(runs.map(stateOf))).every(({ state }) => state === "running")
      )
      for (const run of runs) await done(run)
      expect(times("begin note n3 1") === 1 && times("begin note n6 1") === 1, "the notes were not written once")
    })
  )

  await check("a cut between worker and LM Studio that is mended: the run goes on there", () =>
    withLinks(2, async (workers) => {
      const run = await submit("[n4] lookslowly note")
      await begun("lookslowly n4 0")
      const { links, name } = await workerOf(workers, run)
      links.lmStudio.cut()
      await sleep(5000)
      links.lmStudio.mend()
      await done(run)
      expect(times("begin note n4 1") === 1 && (await asked(run)) === 0, "the note was written twice, or asked about")
      expect((await stateOf(run)).worker === name, "another worker took it")
    })
  )

  await check("a cut between worker and LM Studio that stays: the run goes to another worker", () =>
    withLinks(2, async (workers) => {
      const run = await submit("[n5] lookslowly note")
      await begun("lookslowly n5 0")
      const { links, name } = await workerOf(workers, run)
      links.lmStudio.cut()
      await done(run, 120)
      expect(times("begin note n5 1") === 1 && (await asked(run)) === 0, "the note was written twice, or asked about")
      expect((await stateOf(run)).worker !== name, "the worker that was cut off has it")
    })
  )

  await check("clocks a minute fast and a minute slow: leases are those of the database's clock", async () => {
    const wrong = (by) => worker({ env: { DRILL_CLOCK_SKEW: String(by) } })
    const workers = [await wrong(skew), await wrong(-skew)]
    await alone(workers, async () => {
      const calm = [await submit("[k1] noteslowly lookslowly note"), await submit("[k2] noteslowly lookslowly note")]
      for (const run of calm) await done(run)
      for (const run of ["k1", "k2"]) {
        for (const line of [`noteslowly ${run} 0`, `lookslowly ${run} 1`, `note ${run} 2`]) {
          expect(times(`begin ${line}`) === 1, `${line} ran ${times(`begin ${line}`)} times`)
        }
      }
      const [[attempts]] = await postgres.rows(
        `select max(attempts) from lms_queue where run_id in ('${calm.join("','")}')`
      )
      expect(attempts === "1", `a part was taken ${attempts} times while its worker lived`)
      for (const [index, name] of ["k3", "k4"].entries()) {
        // hired before: what is measured is the lease, not the start of a worker
        workers.push(await wrong(index === 0 ? skew : -skew))
        const run = await submit(`[${name}] lookslowly lookslowly note`)
        await begun(`lookslowly ${name} 0`)
        const victim = await workerOf(workers, run)
        await victim.kill("SIGKILL")
        const left = Date.now()
        workers.splice(workers.indexOf(victim), 1)
        await eventually("another worker has it", async () => (await stateOf(run)).worker !== victim.name)
        const seconds = (Date.now() - left) / 1000
        expect(seconds < 12, `it was taken over only after ${seconds} s`)
        await done(run)
        expect(
          times(`begin note ${name} 2`) === 1 && (await asked(run)) === 0,
          "the note was written twice, or asked about"
        )
      }
    })
  })

  await check(
    "what another version wrote: this one leaves it alone, goes on with the rest, and says so once",
    async () => {
      const fresh = await worker()
      await alone([fresh], async () => {
        await cli("hosts", "drain", fresh.name)
        await sleep(2500)
        const odd = await submit("[v1] note")
        const strange = await submit("[v2] note")
        await eventually(
          "both are queued",
          async () =>
            Number(
              (await postgres.rows(`select count(*) from lms_queue where run_id in ('${odd}', '${strange}')`))[0][0]
            ) === 2
        )
        const cancelled = []
        try {
          // what tomorrow's version may do: an event and a part in other forms, a column more
          await postgres.rows(`
          insert into lms_run_events values ('${odd}', 1, 1, 'Levitated', '{"_tag":"Levitated","runId":"${odd}","seq":1,"at":1}');
          update lms_queue set element = '{"inAnotherForm":true}' where run_id = '${strange}';
          insert into lms_schema (version) values (99);
          alter table lms_queue add column tomorrow text;
          alter table lms_runs add column tomorrow int not null default 0`)
          await cli("hosts", "resume", fresh.name)
          const run = await submit("[v3] note")
          await done(run)
          await sleep(4000)
          for (const left of [odd, strange]) expect((await stateOf(left)).state === "queued", "it was taken, or ended")
          for (const name of ["v1", "v2"]) expect(times(`begin note ${name} 0`) === 0, "its call was made")
          const told = fresh.said.err.match(/left to other workers/g)?.length ?? 0
          expect(told === 2, `it was said ${told} times:\n${fresh.said.err}`)
          expect(fresh.child.exitCode === null, "the worker ended")
        } finally {
          // nobody here can carry them out: they would wait for tomorrow's version
          for (const left of [odd, strange]) cancelled.push(await cli("runs", "cancel", left))
        }
        for (const { code, err } of cancelled) expect(code === 0, err)
        for (const left of [odd, strange]) await until(left, "ended", 10)
      })
    }
  )

  await check(
    "two fronts: each asks its own person, and one can see, await and cancel the runs of the other",
    async () => {
      const [ann, bob] = [await world.front("ann"), await world.front("bob")]
      try {
        const run = (name) => ({ mcp_name: "drill", task: `[${name}] look wipe` })
        const [one, other] = await Promise.all([
          ann.call("autonomous_with_mcp", run("t1")),
          bob.call("autonomous_with_mcp", run("t2"))
        ])
        for (const [{ text }, name] of [
          [one, "t1"],
          [other, "t2"]
        ]) {
          expect(text.includes("Done."), `${name} got ${text}`)
          expect(times(`begin wipe ${name} 1`) === 1, `${name} was not wiped once`)
        }
        for (const [{ questions }, name] of [
          [ann, "t1"],
          [bob, "t2"]
        ]) {
          expect(questions.length === 1 && questions[0].includes(name), `${name}: ${questions.join("; ")}`)
        }
        const started = await ann.call("run_start", {
          mcp_names: ["drill"],
          task: "[t3] lookslowly lookslowly lookslowly note"
        })
        expect(started.isError !== true, started.text)
        await begun("lookslowly t3 0")
        const seen = await bob.call("run_status", { run_id: started.runId })
        expect(seen.runs?.[0]?.status === "running", `bob sees ${seen.text}`)
        const stopped = await bob.call("run_cancel", { run_id: started.runId })
        expect(stopped.isError !== true && stopped.status === "failed", `bob cancels: ${stopped.text}`)
        const told = await ann.call("run_result", { run_id: started.runId, wait_seconds: 20 })
        expect(/cancelled/i.test(told.text), `ann is told ${told.text}`)
        expect(times("begin note t3 3") === 0, "a cancelled run went on")
        const kept = await ann.call("run_start", { mcp_names: ["drill"], task: "[t4] look note" })
        const result = await bob.call("run_result", { run_id: kept.runId, wait_seconds: 60 })
        expect(result.text.includes("Done."), `bob gets ${result.text}`)
      } finally {
        await ann.close()
        await bob.close()
      }
    }
  )
}
