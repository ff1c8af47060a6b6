"""Shows that each rule of the tree can fail: it must find the one file that breaks it."""
import tempfile
from pathlib import Path


def self_test(check):
    """Each rule must find the one file that breaks it, and nothing in a clean one."""
    cases = {
        # Arrows and rooms.
        "sphinx/packet/a.cpp": '#include "relay/core/x.hpp"\n',
        "sphinx/crypto/a.cpp": '#include "sphinx/packet/keys.hpp"\n',
        "client/core/b.cpp": '#include "relay/core/pipeline.hpp"\n',
        "relay/core/b.cpp": '#include "relay/io/links.hpp"\n',
        "relay/io/b.cpp": '#include "relay/operation/startup.hpp"\n',
        "relay/authority/b.cpp": '#include "relay/core/counters.hpp"\n',
        "relay/authority/core/b.cpp": '#include "relay/authority/signing.hpp"\n',
        "relay/authority/core/b.hpp": "#pragma once\n#include <filesystem>\n",
        "relay/drawer/b.cpp": "int x;\n",
        "relay/b.hpp": "#pragma once\nnamespace nightjar::relay::core {\n}\n",
        "relay/core/b.hpp": "#pragma once\nnamespace nightjar::relay {\n}\n",
        # Purity, of headers and sources.
        "sphinx/cell/c.cpp": "#include <boost/asio.hpp>\n",
        "sphinx/base/due_heap.hpp": "#pragma once\n#include <boost/asio.hpp>\n",
        "relay/core/counters.hpp": "#pragma once\n#include <boost/asio/steady_timer.hpp>\n",
        "relay/core/mix_queue.cpp": "#include <boost/asio.hpp>\n",
        "relay/core/cover.cpp": "auto t = std::chrono::steady_clock::now();\n",
        "relay/core/cover.hpp": "#pragma once\nauto t = std::chrono::system_clock::now();\n",
        "relay/core/counters.hpp": "#pragma once\n#include <fstream>\n",
        "relay/core/limits.hpp": '#pragma once\n#include "sphinx/node/process/log.hpp"\n',
        "client/protocol/socks5.hpp": "#pragma once\n#include <boost/asio/ip/tcp.hpp>\n",
        "relay/operation/status.cpp": "#include <prometheus/registry.h>\n",
        # Each file by itself.
        "relay/d.cpp": "auto x = co_spawn(io, f(), asio::detached);\n",
        "relay/e.cpp": "int x;  // TO" + "DO later\n",
        "relay/f.cpp": "\n" * 401,
        "relay/g.cpp": "void f() {\n" + "    x();\n" * 80 + "}\n",
        "relay/h.hpp": "int x;\n",
        "relay/i.cpp": "    while (!co_await next()) count();\n",
    }
    crowded = {f"relay/core/unit_{i}.cpp": "int x;\n" for i in range(26)}
    full = {f"relay/core/unit_{i}.{end}": "#pragma once\n" for i in range(25) for end in ("hpp", "cpp")}
    clean = {"sphinx/packet/clean.hpp": '#pragma once\n#include "sphinx/base/bytes.hpp"\n',
             "relay/core/ingress.hpp": "#pragma once\n#include <boost/unordered/unordered_flat_map.hpp>\n"
                                       "namespace nightjar::relay::core {\n}\n",
             "relay/short.cpp": "void f();\nvoid g() {\n" + "    x();\n" * 60 + "}\n"}
    # Files that are each clean by themselves: a type of one name in two of them, and in two
    # namespaces or files' own.
    twice = {"client/one.cpp": "namespace a::b {\nstruct S final : T {\n};\n}  // namespace a::b\n",
             "client/two.cpp": "namespace a::b {\nclass S {\n};\n}  // namespace a::b\n"}
    apart = {**twice, "client/two.cpp": "namespace a::b {\nnamespace {\nstruct S {\n};\n"
                                        "}  // namespace\nstruct R {\n};\n}  // namespace a::b\n",
             "client/three.cpp": "namespace a {\nstruct S {\n};\n}  // namespace a\n"}
    # References: a page that has sections 1 and 2, rule R1 and an old anchor, and texts that cite it.
    doc = "docs" + "/"  # apart, for this file is checked too
    page = {f"{doc}page.md": "# Page\n## 1. One\n## 2. Two words\n- **R1. A rule.**\n"
                            "```\n## 3. Code\n```\n<a id=\"old\"></a>\n",
            f"{doc}decisions/0001-why.md": "# Why\n"}
    cited = [(f"// ({doc}page.md section 2)", f"// ({doc}page.md section 3)"),
             (f"// ({doc}page.md\n// section 2)", f"// ({doc}page.md\n// section 4)"),
             (f"// {doc}page.md sections 1 and 2", f"// {doc}page.md sections 1 and 3"),
             (f"// {doc}page.md R1", f"// {doc}page.md R2"),
             (f'// {doc}page.md, "Two words"', f'// {doc}page.md, "Three words"'),
             (f"// {doc}page.md and {doc}decisions/0001", f"// {doc}decisions/0002"),
             (f'// ROOT "/{doc}page.md"', f'// ROOT "/{doc}gone.md"'),
             (f"// {doc}page.md\n", f"//\n// here\n// {doc}gone.md\n"),
             ("// section 9 of another text", f"// {doc}gone.md")]
    linked = [("[a](page.md#2-two-words)", "[a](page.md#two-words)"),
              ("[a](page.md#old), [b](#b)\n# B", "[b](#c)\n# B"),
              ("# Same\n# Same\n[a](#same-1)", "# Same\n[a](#same-1)"),
              ("[a](page.md) section 1", "[a](page.md) section 3"),
              ("[a](decisions/0001-why.md), [b](../docs/)", "[a](0001-why.md)"),
              ("[a](https://example.org/docs/x.md#y)", "![a](page.svg)")]
    texts_of = [*(("client/j.cpp", pair) for pair in cited),
                *((f"{doc}k.md", pair) for pair in linked),
                *((name, (f"# {doc}page.md section 1\n", f"# {doc}page.md section 7\n"))
                  for name in ("CMakeLists.txt", "tests/l.py", "deploy/m"))]
    tried = [({name: text}, True) for name, text in cases.items()] + [(twice, True), (crowded, True)]
    tried += [({**page, name: bad}, True) for name, (_, bad) in texts_of]
    count = len(tried)
    tried += [({name: text}, False) for name, text in clean.items()] + [(apart, False), (full, False)]
    tried += [({**page, name: good}, False) for name, (good, _) in texts_of]
    for files, faulty in tried:
        with tempfile.TemporaryDirectory() as folder:
            for name, text in files.items():
                path = Path(folder) / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text)
            found = check(Path(folder))[1]
            # Where the fault lies on a line of its own, the finding must name that line.
            named = "// here" not in "".join(files.values()) or f"{name}:3: " in "".join(found)
            if bool(found) != faulty or not named:
                print(f"self-test: {', '.join(files)}: {found or 'nothing found'}")
                return 1
    print(f"{count} passed, 0 failed")
    return 0
