//! Texts with their tokens as the vocabulary `o200k` counts them.

/// A text, and how many tokens it is.
pub(super) const COUNTED: &[(&str, usize)] = &[
    (
        "   Compiling serde v1.0.228\n   Compiling tokio v1.54.0\nerror[E0308]: mismatched types\n  --> src/server/session.rs:118:17\n   |\n118 |     let count: u32 = \"three\";\n   |                ---   ^^^^^^^ expected `u32`, found `&str`\n   |                |\n   |                expected due to this\n\nerror: could not compile `server` (bin \"server\") due to 1 previous error\n",
        107,
    ),
    (
        "test queue::tests::a_task_waits_for_its_turn ... ok\ntest queue::tests::the_oldest_goes_first ... FAILED\n\nfailures:\n\n---- queue::tests::the_oldest_goes_first stdout ----\nthread 'queue::tests::the_oldest_goes_first' panicked at src/queue.rs:88:9:\nassertion `left == right` failed\n  left: [3, 1, 2]\n right: [1, 2, 3]\n",
        104,
    ),
    (
        "npm warn deprecated glob@7.2.3: Glob versions prior to v9 are no longer supported\nadded 312 packages, and audited 313 packages in 14s\n\n42 packages are looking for funding\n  run `npm fund` for details\n\nfound 0 vulnerabilities\n",
        58,
    ),
    (
        "Traceback (most recent call last):\n  File \"/srv/app/main.py\", line 41, in <module>\n    run(load(path))\n  File \"/srv/app/main.py\", line 17, in load\n    return json.loads(text)\njson.decoder.JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)\n",
        76,
    ),
    (
        "-rwxr-xr-x 1 root root   68496 Sep 20  2022 [\n-rwxr-xr-x 1 root root   39616 May 13  2023 addpart\nlrwxrwxrwx 1 root root      26 Feb  2  2023 addr2line -> x86_64-linux-gnu-addr2line\n-rwxr-xr-x 1 root root 2012048 Jan  8  2024 gdb\n",
        108,
    ),
    (
        "{\"task\":{\"id\":\"4hv0x9ws2ta71qcd\",\"name\":\"build\",\"status\":\"running\",\"command\":\"cargo build --workspace\",\"bytes\":20481,\"lines\":312,\"created_at_ms\":1795300123456}}",
        51,
    ),
    (
        "Start many tasks at once, wait until one of them needs you, and read no more of its output than you must.",
        25,
    ),
    (
        "Downloading crates... 12% [==>                 ] 371/1934 KiB  12.4 MiB/s eta 0:02\nDownloading crates... 47% [=========>          ] 908/1934 KiB  11.9 MiB/s eta 0:01\n",
        64,
    ),
    (
        "在运行测试时发生错误。请检查日志文件以获取更多信息。\nОшибка компиляции: файл не найден.\n",
        25,
    ),
    (
        "fn find_start(task: &Task, start: StartAt) -> Result<Place, Fault> {\n    let head = task.announced().head;\n    match start {\n        StartAt::Start => Ok(Place::default()),\n    }\n}\n",
        51,
    ),
    (
        "[12/345] CXX obj/third_party/blink/renderer/core/layout/layout_box.o\n[13/345] CXX obj/third_party/blink/renderer/core/layout/layout_block.o\nninja: build stopped: subcommand failed.\n",
        52,
    ),
];
