import { assert, describe, it } from "@effect/vitest"
import { deedOf } from "#src/agent/policy/ToolWords.ts"

const named = (name: string) => deedOf({ server: "main", name, description: "" })

describe("ToolWords", () => {
  it.each([
    "removefile",
    "kill_process",
    "flush_db",
    "formatDisk",
    "cancel_subscription",
    "charge_card",
    "sign_transaction",
    "make_payment",
    "close_account",
    "read_write_file",
    "search_replace",
    "restore_backup",
    "python_repl",
    "cmd",
    "löschen",
    "LÖSCHE_DATEI",
    "borrar_archivo",
    "supprimerFichier",
    "eseguire_comando",
    "удалить_файл",
    "删除文件",
    "ファイルを削除"
  ])("hears from its name that a tool does more than read: %s", (name) => {
    assert.isDefined(named(name))
  })

  it.each([
    "format_code",
    "charge_history",
    "trade_price",
    "import_status",
    "schedule_list",
    "envoy_config",
    "pagination",
    "übersicht",
    "読む"
  ])("hears no deed in what only tells or reads: %s", (name) => {
    assert.isUndefined(named(name))
  })
})
