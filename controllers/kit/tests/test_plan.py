"""A plan out of the commands that Ninja names."""

import os
import tempfile
import unittest

from warm.plan import Plan, Unknown, has_veneers, kll_arguments, plan_of, state_of

COMMANDS = [
    "cd /controller && python3 -m kll --kiibohd-debug --config /c/caps.kll --base /c/base.kll --default /kll/own.kll"
    " /kll/stdFuncMap.kll --partial /kll/layer.kll --emitter kiibohd --def-output /tmp/build/kll_defs.h",
    "/usr/bin/gcc -DNAME=\\\"k\\\" -MD -MF a.c.obj.d -o a.c.obj -c /controller/a.c",
    "/usr/bin/gcc -MD -MF b.c.obj.d -o b.c.obj -c /controller/b.c",
    ": && /usr/bin/gcc -Wl,-Map=link.map,--cref -Wl,--gc-sections a.c.obj b.c.obj -o k.elf && cd /tmp/build && objcopy k.elf k.bin"
    " && objdump -S k.elf > k.lss && suffix k.bin 1> /dev/null",
    "cd /tmp/build && size k.elf",
]


class APlan(unittest.TestCase):
    def test_it_has_every_step_but_those_that_only_write_listings(self):
        plan = plan_of(COMMANDS)
        self.assertEqual([one.path for one in plan.objects], ["a.c.obj", "b.c.obj"])
        self.assertIn('-DNAME="k"', plan.objects[0].command)
        self.assertNotIn("-Wl,-Map=link.map,--cref", plan.link)
        self.assertIn("-Wl,--gc-sections", plan.link)
        self.assertEqual(plan.finish, "cd /tmp/build && objcopy k.elf k.bin && suffix k.bin 1> /dev/null")
        self.assertEqual(plan.report, [COMMANDS[-1]])

    def test_it_is_the_same_after_it_was_saved(self):
        plan = plan_of(COMMANDS)
        plan.objects[0].variants.append(["0", ["LayerNum"], "key"])
        with tempfile.TemporaryDirectory() as directory:
            plan.save(directory)
            again = Plan.load(directory)
        self.assertEqual(again.objects[0].variants, [["0", ["LayerNum"], "key"]])
        self.assertEqual(again.kll.before, plan.kll.before)

    def test_bare_objects_are_compiled_as_before_but_for_what_is_for_debuggers(self):
        plan = plan_of(COMMANDS)
        before = [one.command for one in plan_of(COMMANDS).objects]
        plan.make_bare()
        self.assertTrue(plan.bare)
        for one, command in zip(plan.objects, before):
            self.assertEqual([word for word in one.command if word != "-g0"], command)
            self.assertLess(one.command.index("-g0"), one.command.index("-o"))

    def test_commands_of_something_else_are_refused(self):
        apart = [COMMANDS[0] + " --partial /kll/late.kll", *COMMANDS[1:]]
        for commands in (COMMANDS[1:], COMMANDS[:-2], COMMANDS + [COMMANDS[0]], apart, []):
            with self.assertRaises(Unknown):
                plan_of(commands)


class ATreeThatChanges(unittest.TestCase):
    def test_it_is_not_taken_for_what_was_prepared(self):
        with tempfile.NamedTemporaryFile() as source:
            plan = plan_of(COMMANDS)
            plan.sources = {source.name: state_of(source.name)}
            plan.check()
            source.write(b"more")
            source.flush()
            with self.assertRaises(Unknown):
                plan.check()


class AProgram(unittest.TestCase):
    def test_a_veneer_is_seen_by_its_name(self):
        names = b".symtab\0.strtab\0"
        for text, seen in (
            (b"main\0__usb_init_veneer\0" + names, True),
            (b"main\0usb_init_from_thumb\0" + names, True),
            (b"main\0usb_init\0" + names, False),
            (b"a program without names", True),
        ):
            with tempfile.NamedTemporaryFile() as program:
                program.write(b"\x7fELF" + text)
                program.flush()
                self.assertEqual(has_veneers(program.name), seen)

    def test_it_is_the_one_that_is_linked(self):
        self.assertEqual(plan_of(COMMANDS).program, "k.elf")


class TheMapsOfAKeymap(unittest.TestCase):
    def arguments(self, default_map, partial_maps, own=()):
        with tempfile.TemporaryDirectory() as directory:
            for name in own:
                with open(os.path.join(directory, f"{name}.kll"), "w", encoding="utf-8"):
                    pass
            words = kll_arguments(plan_of(COMMANDS).kll, directory, default_map, partial_maps)
            return [word.replace(directory, "HERE") for word in words[5:-4]]

    def test_a_persons_own_map_goes_before_one_that_comes_with_the_tree(self):
        self.assertEqual(
            self.arguments("stdFuncMap mine", "mine-1;stdFuncMap", own=["mine", "mine-1", "stdFuncMap"]),
            ["--default", "HERE/stdFuncMap.kll", "HERE/mine.kll", "--partial", "HERE/mine-1.kll", "--partial", "HERE/stdFuncMap.kll"],
        )

    def test_where_nothing_is_said_the_script_has_its_say(self):
        self.assertEqual(
            self.arguments("", ""), ["--default", "/kll/own.kll", "/kll/stdFuncMap.kll", "--partial", "/kll/layer.kll"]
        )

    def test_a_map_that_nobody_knows_and_a_layer_without_one_are_refused(self):
        for default_map, partial_maps in [("none", ""), ("ncMap", ""), ("/etc/passwd", ""), ("stdFuncMap", " ;stdFuncMap"), ("stdFuncMap", ";"), (" ", "")]:
            with self.subTest(default_map), self.assertRaises(Unknown):
                self.arguments(default_map, partial_maps)


if __name__ == "__main__":
    unittest.main()
