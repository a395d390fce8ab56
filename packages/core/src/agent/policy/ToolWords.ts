/**
 * What a tool does, judged by its name and description. A server may claim that a tool only reads; its name and the first
 * word of its description must agree. Pure.
 */

/**
 * `grave` cannot be undone: it destroys, sends, pays or executes what it is given. `change` writes.
 */
export interface Deed {
  readonly kind: "grave" | "change"
  /** As it occurs in the name or the description. */
  readonly word: string
}

/** What a tool does beyond reading according to its words; undefined when they say nothing of the kind. */
export const deedOf = (tool: {
  readonly server: string
  readonly name: string
  readonly description: string
}): Deed | undefined => {
  const known = deeds.get(tool)
  if (known !== undefined) return known.deed
  const deed = byName(withoutServer(tool.name, tool.server)) ?? byDescription(tool.description)
  deeds.set(tool, { deed })
  return deed
}

/** Whether the words of a tool say that it reaches beyond this machine. */
export const reachesOut = ({ name }: { readonly name: string }): boolean =>
  wordsOf(name).some((word) => outward.has(word))

/**
 * Whether a tool of this name is known to stay on this machine although its server does not say so: those of the reference
 * servers for files, memory, git and time.
 */
export const staysHere = ({ name }: { readonly name: string }): boolean => local.has(name)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

/** Of tools that were read: each call of one asks several times. */
const deeds = new WeakMap<object, { readonly deed: Deed | undefined }>()

const setOf = (words: string): ReadonlySet<string> => new Set(words.split(" "))

const destroying = setOf(
  "delete del remove rm rmdir unlink drop wipe erase purge truncate destroy kill terminate nuke overwrite uninstall revoke prune discard shred clear empty cleanup trash scrub rmtree"
)

const sending = setOf(
  "send sendmail mail email post publish tweet reply forward broadcast notify execute exec eval run shell bash spawn pay buy transfer refund reset deploy shutdown reboot force cmd sh repl interpreter unsubscribe"
)

const changing = setOf(
  "write create update edit modify set put patch insert upsert append rename move mv upload save install enable disable replace commit push checkout restart toggle assign archive submit approve merge invite grant change migrate mkdir touch chmod chown alter make suspend ban apply restore rollback revert register unlock squash rebase"
)

/** Verbs that are nouns as well: "charge_card" acts, "charge_history" only reports. */
const doubtfulGrave = setOf("charge purchase withdraw sell trade cancel command terminal")
const doubtful = setOf("import store share schedule comment block close sign record book sync lock stop start")

const told = setOf(
  "history status list lists detail details info price prices count report number log logs stats summary type types schema rate rates output names id ids read help locator time times"
)

/** Stems in other languages, without accents, and words of scripts without spaces. */
const foreignGrave =
  /^(?:losch|loesch|entfern|vernicht|uberschreib|ueberschreib|senden$|sende$|versend|ausfuhr|ausfuehr|bezahl|uberweis|ueberweis|borra|elimina|envia|ejecut|pagar|supprim|effac|detrui|envoyer|envoie|invia|esegu|apaga|exclui|usun|wyslij|verwijder|verstuur|uitvoer|betaal)|удал|отправ|выполн|оплат|стереть|删除|刪除|清空|发送|發送|执行|執行|支付|付款|转账|削除|消去|送信|実行|支払|삭제|전송|실행|결제/

/** The words after one of these are what is read: `list_deleted_items`, `get_email`. */
const reading = setOf("get list read search find show view describe count fetch lookup retrieve")

const outward = setOf(
  "url urls web http https fetch browse browser website webpage internet email mail inbox gmail slack tweet webhook rss feed"
)

const local = setOf(
  [
    "read_file read_text_file read_media_file read_multiple_files write_file edit_file create_directory list_directory",
    "list_directory_with_sizes directory_tree move_file search_files get_file_info list_allowed_directories",
    "create_entities create_relations add_observations delete_entities delete_observations delete_relations read_graph",
    "search_nodes open_nodes git_status git_diff git_diff_unstaged git_diff_staged git_commit git_add git_reset git_log",
    "git_create_branch git_checkout git_show git_init git_branch get_current_time convert_time sequentialthinking"
  ].join(" ")
)

/** The name without the prefix that a client or server puts before each of its names. */
const withoutServer = (name: string, server: string): string => {
  const own = name.split(/__|\//).at(-1) ?? name
  const prefix = `${server.toLowerCase()}`
  return own.length > prefix.length + 1 &&
    own.toLowerCase().startsWith(prefix) &&
    /[-_.]/.test(own[prefix.length] ?? "")
    ? own.slice(prefix.length + 1)
    : own
}

const wordsOf = (name: string): ReadonlyArray<string> =>
  name
    .slice(0, 200)
    .replaceAll(/([a-z\d])([A-Z])/g, "$1 $2")
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, "$1 $2")
    .normalize("NFKD")
    .replaceAll(/\p{M}+/gu, "")
    .normalize("NFC")
    .toLowerCase()
    .split(/[^\p{L}]+/u)
    .filter((word) => word !== "")

const byName = (name: string): Deed | undefined => {
  const words = wordsOf(name)
  let shielded = false
  for (const [index, word] of words.entries()) {
    // a "long-running operation" does not run anything else
    const stems = word === "running" ? [word] : stemsOf(word)
    const is = (set: ReadonlySet<string>) => stems.some((stem) => set.has(stem))
    if (/^(?:and|or|then)$/.test(word)) shielded = false
    else if (!shielded && is(reading)) shielded = true
    else if (shielded ? destroying.has(word) : is(destroying) || is(sending) || isGrave(words, index))
      return { kind: "grave", word }
    // read and write, find and replace
    else if (/^(?:read write|(?:search|find) replace)$/.test(`${words[index - 1]} ${word}`))
      return { kind: "change", word }
    // adding numbers changes nothing
    else if (index === 0 && doubtful.has(word) && isDone(words)) return { kind: "change", word }
    else if (!shielded && (is(changing) || (is(adding) && index < words.length - 1 && words[index + 1] !== "numbers")))
      return { kind: "change", word }
  }
  return undefined
}

const isGrave = (words: ReadonlyArray<string>, index: number): boolean => {
  const word = words[index] ?? ""
  return (
    runTogether.test(word) ||
    runTogether.test(`${word}${words[index + 1] ?? ""}`) ||
    foreignGrave.test(word) ||
    (index === 0 && doubtfulGrave.has(word) && isDone(words))
  )
}

const isDone = (words: ReadonlyArray<string>) => !told.has(words.at(-1) ?? "")

const adding = setOf("add")

/** Verb and object written as one word. */
const runTogether =
  /^(?:delete|wipe|destroy|erase|truncate|purge)[a-z]{2}|^drop(?:table|database|db|schema|collection|index)|^send(?:mail|email|message|sms|money)|^rmrf$|^(?:remove|unlink|kill)(?:all|every|file|dir|folder|user|process|task)|^flush(?:all|db)|^format(?:disk|drive|volume|partition)|^(?:execute|exec|run)(?:sql|query|command|shell|code|script)/

/** The first word, which says what a tool does: "Deletes a file". */
const byDescription = (description: string): Deed | undefined => {
  const text = description
    .slice(0, 300)
    .replace(
      /^\W*(?:(?:this|the|a|an|use|tool|to|will|can|that|it|which|safely|permanently|irreversibly|immediately)\s+)*/i,
      ""
    )
  const [word = ""] = /^[a-z]+/i.exec(text) ?? []
  const stems = stemsOf(word.toLowerCase())
  if (/\bread-?only\b/i.test(description.slice(0, 300)) && stems.some((stem) => sending.has(stem))) return undefined
  if (stems.some((stem) => destroying.has(stem) || sending.has(stem))) return { kind: "grave", word }
  return stems.some((stem) => changing.has(stem)) ? { kind: "change", word } : undefined
}

const irregular: ReadonlyMap<string, string> = new Map([
  ["sent", "send"],
  ["wrote", "write"],
  ["written", "write"],
  ["ran", "run"],
  ["paid", "pay"],
  ["bought", "buy"]
])

/** The possible stems of a word: deletes, deleted, deleting, dropped, dropping, emptied. */
const stemsOf = (word: string): ReadonlyArray<string> => {
  const without = (ending: RegExp) => (ending.test(word) ? [word.replace(ending, "")] : [])
  const bare = [...without(/s$/), ...without(/es$/), ...without(/ed$/), ...without(/ing$/), ...without(/(?:r|er|or)$/)]
  return [
    word,
    ...bare,
    ...without(/d$/),
    ...bare.map((stem) => `${stem}e`),
    ...bare.map((stem) => stem.replace(/([a-z])\1$/, "$1")),
    ...without(/ie[sd]$/).map((stem) => `${stem}y`),
    ...(irregular.has(word) ? [irregular.get(word) ?? ""] : [])
  ]
}
