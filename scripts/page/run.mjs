// `npm run page`: tries the page in a real browser, against the simulator. With --pictures, it also takes those of docs/page.
import { readFileSync } from "node:fs"
import { mkdirSync } from "node:fs"
import { startSuite } from "../checks.mjs"
import { inRoot } from "../workspace.mjs"
import { openBrowser } from "./browser.mjs"
import { hostile, long, makeWorld } from "./world.mjs"

const suite = startSuite("page")
const browser = await openBrowser()
if (browser === undefined) process.exit(suite.skip("there is no Chromium: apt-get install chromium"))

const world = await makeWorld()
const pictures = process.argv.includes("--pictures")
const context = await browser.newContext({
  viewport: { width: 1100, height: 820 },
  locale: "en-GB",
  permissions: ["clipboard-read", "clipboard-write"]
})
context.setDefaultTimeout(10_000)
const page = await context.newPage()
const complaints = []
const listen = (to) => {
  to.on("pageerror", (error) => complaints.push(String(error)))
  to.on("console", (message) => {
    // what the script does to the connection on purpose
    if (message.type() === "error" && !/ERR_|401|409/.test(message.text()))
      complaints.push(`${message.text()} ${message.location().url}`)
  })
}
listen(page)

const check = async (name, body) => {
  try {
    suite.record(name, await body())
  } catch (error) {
    suite.record(
      name,
      String(error.message ?? error)
        .split("\n")
        .slice(0, 6)
        .join("\n")
    )
  }
}
const expect = (holds, otherwise) => (holds ? undefined : otherwise)
const go = async (place, title) => {
  await page.evaluate((to) => (location.hash = to), `#/${place}`)
  await page.locator("h1", { hasText: title }).waitFor()
}
const act = async (within, label, isAskedAgain = false) => {
  await within.getByRole("button", { name: label, exact: true }).click()
  if (isAskedAgain) await within.locator("button.sure").click()
}
const isInert = () =>
  page.evaluate(() => window.pwned !== true && document.querySelectorAll("img, #page script, iframe").length === 0)

const picture = async (name, height = 820) => {
  if (!pictures) return
  mkdirSync(inRoot("docs/page"), { recursive: true })
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme })
    await page.waitForTimeout(150)
    await page.screenshot({
      path: inRoot("docs/page", `${name}-${colorScheme}.png`),
      clip: { x: 0, y: 0, width: page.viewportSize().width, height: Math.min(height, page.viewportSize().height) }
    })
  }
  await page.emulateMedia({ colorScheme: "light" })
}

try {
  await check("a link that works once logs in, and is nowhere afterwards", async () => {
    await page.goto(world.link)
    await page.locator("h1", { hasText: "Now" }).waitFor()
    await page.locator(".connection.open").waitFor()
    const [address, cookie] = await page.evaluate(() => [location.href, document.cookie])
    return expect(!address.includes("login") && cookie === "", `${address} ${cookie}`)
  })

  await check("Now: a model is loaded, its limit runs down, it is kept", async () => {
    await page.getByLabel("Load a model").selectOption("qwen/qwen3-8b")
    await page.getByRole("button", { name: "Load", exact: true }).click()
    const card = page.locator("article", { hasText: "qwen/qwen3-8b" })
    const left = () => card.locator(".countdown").textContent()
    await card.locator(".countdown").waitFor()
    const first = await left()
    await page.waitForTimeout(2200)
    const second = await left()
    await act(card, "Keep for an hour")
    await card.getByText("not before").waitFor()
    await card.getByText("1 holder").waitFor()
    await act(card, "Keep no longer")
    await card.locator(".countdown").waitFor()
    return expect(seconds(second) < seconds(first), `${first} then ${second}`)
  })

  await check("Start a run: from the form to its answer, markup in it inert", async () => {
    await go("start", "Start a run")
    await picture("start")
    await page.getByLabel("Task").fill(`What are the notes about? ${hostile}`)
    await page.getByLabel("Rounds").fill("20")
    await page.getByRole("button", { name: "Start", exact: true }).click()
    await page.locator(".status.done").waitFor({ timeout: 20_000 })
    await page.locator("h2", { hasText: "Answer" }).waitFor()
    const call = page.locator("details.call", { hasText: "read_text_file" })
    await call.locator("summary").click()
    await call.getByText("Bees like clover.").waitFor()
    await page.locator("td.account .bar").first().waitFor()
    await picture("run")
    await page.locator("h2", { hasText: "Tools offered" }).scrollIntoViewIfNeeded()
    await page.evaluate(() => scrollTo(0, document.body.scrollHeight))
    await picture("run-context")
    await page.evaluate(() => scrollTo(0, 0))
    return expect(await isInert(), "markup of the answer became elements")
  })

  await check("a run is copied as a cassette, which is replayed without a difference", async () => {
    await act(page.locator("main"), "Copy as cassette")
    await page
      .getByText(/^Copied/)
      .or(page.getByLabel("The cassette"))
      .first()
      .waitFor()
    const text = await page.evaluate(() => navigator.clipboard.readText())
    return world.replay(text)
  })

  await check("a call that changes a file waits for the person, with its diff", async () => {
    await go("start", "Start a run")
    await page.getByLabel("Task").fill("Put thyme into the notes.")
    await page.getByRole("button", { name: "Start", exact: true }).click()
    const asked = page.locator(".asked")
    await asked.waitFor({ timeout: 20_000 })
    await asked.locator(".removed", { hasText: "-Bees like clover." }).waitFor()
    await asked.locator(".added", { hasText: "+Bees like clover and thyme." }).waitFor()
    await asked.scrollIntoViewIfNeeded()
    await picture("approval")
    await act(asked, "Allow")
    await page.locator(".status.done").waitFor({ timeout: 20_000 })
    const text = readFileSync(world.notes, "utf8")
    return expect(text.includes("clover and thyme"), text)
  })

  await check("a run is stopped, and resumed; another one waits for its turn meanwhile", async () => {
    const begin = async (task) => {
      await go("start", "Start a run")
      await page.getByLabel("Task").fill(task)
      await page.getByRole("button", { name: "Start", exact: true }).click()
      await page.locator(".status.running").waitFor()
    }
    await begin("Count bees.")
    await go("now", "Now")
    await page.getByText(/about \d+ tok\/s/).waitFor()
    await begin("Count flowers.")
    await go("now", "Now")
    const queue = page.locator("section", { has: page.locator("#queue") })
    await queue.locator("li", { hasText: "Count flowers." }).getByText("waits", { exact: true }).waitFor()
    await page.getByText("1 at once, 1 waiting").waitFor()
    await page.getByLabel("Load a model").selectOption("qwen/qwen3-4b-2507")
    await page.getByRole("button", { name: "Load", exact: true }).click()
    await page.locator("article", { hasText: "qwen3-4b" }).locator(".countdown").waitFor()
    await page.getByText(/about \d+ tok\/s/).waitFor()
    await picture("now")
    await page.locator(".lines a", { hasText: "Count bees." }).first().click()
    await act(page.locator("main"), "Stop", true)
    await page.locator(".status.unfinished").waitFor()
    await act(page.locator("main"), "Resume")
    await page.locator(".status.done").waitFor({ timeout: 20_000 })
    await page.getByText("There were many bees.").first().waitFor()
  })

  await check("Runs: all of them, filtered; a hostile one is text in every part", async () => {
    await go("runs", "Runs")
    await page.getByText(/^48\d of 48\d$/).waitFor()
    await picture("runs", 560)
    await page.getByLabel("Filter").fill("report 77 ")
    await page.getByText(/^1 of 48\d$/).waitFor()
    await page.getByLabel("Filter").fill("onerror")
    await page.locator("tr", { hasText: "<img src=x" }).last().locator("a").click()
    await page.locator("h1", { hasText: "Run run_" }).waitFor()
    for (const summary of await page.locator("details.call summary").all()) await summary.click()
    await page.locator("details.call pre", { hasText: "<script>" }).first().waitFor()
    return expect(await isInert(), "markup of a run became elements")
  })

  await check("Servers: tools, restart, enable, disable", async () => {
    await go("servers", "Servers")
    const files = page.locator("article", { hasText: "files" })
    await act(files, "Tools")
    await files.getByText("read_text_file", { exact: true }).waitFor()
    await act(files, "Restart", true)
    await files.locator(".fact", { hasText: "Restarts" }).getByText("1").waitFor()
    await picture("servers")
    await act(files, "Disable", true)
    await files.locator(".status.disabled").waitFor()
    await act(files, "Enable")
    await files.locator(".status.usable").waitFor()
  })

  await check("Doctor: its findings, with what to do", async () => {
    await go("doctor", "Doctor")
    await page.getByText(/\d+ problems?, \d+ notes?, \d+ fine/).waitFor({ timeout: 20_000 })
    await page.getByText(/files starts, \d+ tools/).waitFor()
    await picture("doctor")
  })

  await check("Numbers: drawn by model, over hours and days", async () => {
    await go("numbers", "Numbers")
    const bars = page.locator(".drawing rect")
    await bars.first().waitFor()
    await page.getByLabel("Over").selectOption("day")
    await page.locator("td", { hasText: "google/gemma-3-4b" }).waitFor()
    await picture("numbers")
    return expect((await bars.count()) > 20, `${await bars.count()} bars`)
  })

  await check("360 pixels are wide enough for every view", async () => {
    await page.setViewportSize({ width: 360, height: 740 })
    const wide = []
    for (const [place, title] of [
      ["now", "Now"],
      ["runs", "Runs"],
      [`run/run_${"0".padStart(16, "kept")}`, "Run"],
      ["servers", "Servers"],
      ["doctor", "Doctor"],
      ["numbers", "Numbers"],
      ["start", "Start a run"]
    ]) {
      await go(place, title)
      await page.waitForTimeout(400)
      const width = await page.evaluate(() => document.documentElement.scrollWidth)
      if (width > 360) wide.push(`${place} is ${width} wide`)
      if (place === "runs") await picture("narrow")
      if (place === "now" || place.startsWith("run/")) await picture(`narrow-${title.toLowerCase()}`)
    }
    await page.setViewportSize({ width: 1100, height: 820 })
    return expect(wide.length === 0, wide.join(", "))
  })

  await check("by keyboard: the skip link, the views, labels on every field", async () => {
    await go("start", "Start a run")
    const nameless = await page.evaluate(
      () =>
        [...document.querySelectorAll("input, select, textarea")].filter((field) => field.labels.length === 0).length
    )
    await page.locator(".skip").focus()
    await page.keyboard.press("Enter")
    const inMain = await page.evaluate(() => document.activeElement?.id)
    await page.locator("nav a", { hasText: "Runs" }).focus()
    await page.keyboard.press("Enter")
    await page.locator("h1", { hasText: "Runs" }).waitFor()
    return expect(nameless === 0 && inMain === "main", `${nameless} fields without a label; the focus is in ${inMain}`)
  })

  await check("a lost connection is said, and comes back by itself", async () => {
    world.wire.cut()
    await page.locator(".connection.lost").waitFor()
    world.wire.mend()
    await page.locator(".connection.open").waitFor({ timeout: 15_000 })
  })

  await check("a run of a thousand rounds: drawn within seconds, and no frame hangs afterwards", async () => {
    const started = Date.now()
    await page.evaluate((to) => (location.hash = to), `#/run/${long}`)
    await page.locator("h3", { hasText: /^Round 1000$/ }).waitFor({ timeout: 30_000 })
    const took = Date.now() - started
    const longest = await page.evaluate(
      () =>
        new Promise((resolve) => {
          let [last, most, count] = [performance.now(), 0, 0]
          const frame = (now) => {
            most = Math.max(most, now - last)
            last = now
            if (count++ < 100) requestAnimationFrame(frame)
            else resolve(most)
          }
          requestAnimationFrame(frame)
        })
    )
    console.log(`        1000 rounds: ${took} ms, then the longest frame ${Math.round(longest)} ms`)
    return expect(took < 20_000 && longest < 500, `${took} ms, the longest frame ${Math.round(longest)} ms`)
  })

  await check("500 runs and 5000 events: drawn within seconds, no frame hangs", () => flood(context))

  await check("a wrong token is refused in words, the right one lets in", async () => {
    const other = await context.newPage()
    listen(other)
    await other.goto(world.guarded)
    await other.getByLabel("Token of this server").fill("a wrong token")
    await other.getByRole("button", { name: "Log in" }).click()
    await other.getByText("That is not the token.").waitFor()
    for (const colorScheme of pictures ? ["dark", "light"] : []) {
      await other.emulateMedia({ colorScheme })
      await other.screenshot({
        path: inRoot(`docs/page/login-${colorScheme}.png`),
        clip: { x: 0, y: 0, width: 1100, height: 500 }
      })
    }
    await other.getByLabel("Token of this server").fill("the-right-token")
    await other.getByRole("button", { name: "Log in" }).click()
    await other.locator("h1", { hasText: "Now" }).waitFor()
    await other.getByRole("button", { name: "Log out" }).click()
    await other.getByLabel("Token of this server").waitFor()
    await other.close()
  })

  suite.record("the browser had nothing to complain about", expect(complaints.length === 0, complaints.join("\n")))
} finally {
  await browser.close()
  await world.close()
}
process.exitCode = suite.finish()

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

function seconds(countdown) {
  const [minutes, rest] = countdown.split(":").map(Number)
  return minutes * 60 + rest
}

/** A stream of our own in place of the server's: the page alone is measured. */
async function flood(context) {
  const other = await context.newPage()
  listen(other)
  const line = (n, seq) => ({
    runId: `run_${n}`,
    status: seq === 10 ? "done" : "running",
    task: `Task ${n}`,
    progress: `round ${seq}`,
    rounds: seq,
    startedAt: Date.now() - n * 1000,
    millis: 1000,
    here: true,
    seq
  })
  const event = (name, data) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`
  const runs = Array.from({ length: 500 }, (_, n) => line(n, 0))
  const snapshot = event("snapshot", { version: "0", now: Date.now(), runs, models: { loaded: [] }, servers: [] })
  const updates = Array.from({ length: 10 }, (_, seq) =>
    runs.map((_, n) => event("runs", [line(n, seq + 1)])).join("")
  ).join("")
  let sent = 0
  await other.route("**/api/events", (route) =>
    sent++ === 0
      ? route.fulfill({ contentType: "text/event-stream", body: `retry: 60000\n${snapshot}${updates}` })
      : route.abort()
  )
  await other.addInitScript(() => {
    window.gaps = []
    let last = performance.now()
    const frame = (now) => {
      window.gaps.push(now - last)
      last = now
      requestAnimationFrame(frame)
    }
    requestAnimationFrame(frame)
  })
  const started = Date.now()
  await other.goto(`${new URL(world.link).origin}/#/runs`)
  await other.waitForFunction(() => document.querySelectorAll("tbody .status.done").length === 100)
  const took = Date.now() - started
  // the frames in which it was drawn, and some after them
  await other.waitForFunction(() => window.gaps.length > 30)
  const longest = await other.evaluate(() => Math.max(...window.gaps))
  await other.close()
  console.log(`        500 runs and 5000 events: ${took} ms, the longest frame ${Math.round(longest)} ms`)
  return expect(took < 5000 && longest < 1500, `${took} ms, the longest frame ${Math.round(longest)} ms`)
}
