"""Runs a lowered program abstractly, in execution order, along one path, and records what happens to its models.

The statements and expressions of Python are here; what a Keras object does when it is called, asked or assigned is
in `keras_objects.py`, what other libraries and builtins return in `library.py`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Iterator, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from freezelint.keras.behaviour import Behaviour
from freezelint.source import building, conditions, containers, custom_loops, importing, keras_objects, library, serving
from freezelint.source import program as p
from freezelint.source.modules import Project
from freezelint.source.parse import ParsedFile
from freezelint.source.paths import Decisions, Question
from freezelint.source.relevance import (
    builds_on,
    flags_set_at_some_steps,
    matters,
    only_gives_up,
    sets_flags,
    walk,
)
from freezelint.source.selection import Selection
from freezelint.source.timeline import (
    BatchNormMissed,
    ClassDefined,
    Event,
    FlagSetInTrace,
    HookEntered,
    NoAssignment,
    Predicted,
    Timeline,
    Trained,
)
from freezelint.source.values import (
    UNKNOWN,
    Class,
    External,
    Function,
    Group,
    GroupTest,
    Guess,
    Imported,
    IndexRange,
    Instance,
    Items,
    Joined,
    Known,
    Layer,
    Layers,
    Length,
    Maybe,
    Method,
    Model,
    Module,
    Paired,
    Partial,
    Place,
    Stretch,
    Table,
    Tape,
    Tensor,
    Unknown,
    Value,
    Weights,
    solid,
)

MAX_STEPS = 20_000
MAX_CALLS = 12
MAX_RECURSION = 2


class OutOfBudget(Exception):
    """The run has done as many steps as one entry point may."""


class _Return(Exception):
    def __init__(self, value: Value) -> None:
        super().__init__()
        self.value = value


class _Leave(Exception):
    """`break`, `continue`, or a path that gives up (`raise`, `sys.exit()`)."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


@dataclass(eq=False)
class Scope:
    """The names of a module, a function call or a class body."""

    names: dict[str, Value]
    file: ParsedFile
    parent: Scope | None = None
    module: Scope | None = None
    foreign: set[str] = field(default_factory=set)
    """Names declared global or nonlocal."""
    owner: Value | None = None
    """The object whose method runs here."""
    cls: Class | None = None
    is_class: bool = False
    speaks_keras: bool = False

    def find(self, name: str) -> Scope | None:
        """The scope that `name` is bound in, looked up as Python does."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names and (scope is self or not scope.is_class):
                return scope
            scope = scope.parent
        top = self.module
        return top if top is not None and name in top.names else None


class Run:
    """One run: one entry file, one Keras, one path."""

    def __init__(self, project: Project, behaviour: Behaviour, decisions: Decisions, path: str) -> None:
        self.project = project
        self.behaviour = behaviour
        self.decisions = decisions
        self.timeline = Timeline(path)
        self.modules: dict[str, Module] = {}
        """The files that were run, by path."""
        self.kept: dict[str, importing.Kept] = {}
        """Those of them whose outcome serves other runs too."""
        self.loadings: list[importing.Loading] = []
        """The files that are being imported, outermost first."""
        self.steps = 0
        self.limit = MAX_STEPS
        self.import_steps = 0
        """How many steps the imports took."""
        self.repeated_steps = 0
        """How many of them the next run takes again."""
        self.imports_ended = False
        """Whether the imports took more steps than they may; what was not imported by then is not known."""
        self.inside: list[Function] = []
        """The functions that are running, outermost first."""
        self.calls: list[Scope] = []
        """Their names."""
        self.called: set[int] = set()
        """The definitions that have been run."""
        self.in_call_method = 0
        self.tapes: list[Tape] = []
        """The tapes that record what happens now."""
        self.steps_traced: list[Hashable] = []
        """The functions made by `tf.function` that are being run, outermost first."""
        self.missed: list[tuple[Model, str, int, int, tuple[str, ...]]] = []
        """BatchNormalization layers that the test which is being evaluated passes over (see `BatchNormMissed`)."""
        self.starred = False
        """Whether the call that is being made has arguments that are not known."""
        self.reached = True
        """Whether the program itself gets to what runs; False in a function that nobody is seen to call."""
        self.loops = 0
        """How many loops and comprehensions are around what runs."""
        self.shortened = 0
        """How many of them do not make the rounds that Python would make."""
        self.guards = 0
        """How many `try` with an `except` are around what runs."""
        self.models: list[Model] = []
        self.replaced: set[int] = set()
        """The models whose name was given to another model."""
        self.instances: dict[int, Value] = {}
        """The last object made of each class of the project, by the class."""
        self._numbers = 0
        self._evaluate: dict[type, Callable[[Any, Scope], Value]] = {
            p.Constant: lambda node, scope: Known(node.value),
            p.Name: self._name,
            p.Attribute: self._attribute,
            p.Call: self._call,
            p.Subscript: self._subscript,
            p.Display: self._display,
            p.Mapping: self._mapping,
            p.Not: self._not,
            p.BooleanOperation: self._boolean,
            p.Comparison: self._comparison,
            p.Arithmetic: self._arithmetic,
            p.Conditional: self._conditional,
            p.Walrus: self._walrus,
            p.Generator: self._comprehension,
            p.Lambda: self._lambda,
            p.Text: self._opaque_parts,
            p.Opaque: self._opaque_parts,
            p.Starred: lambda node, scope: self.evaluate(node.value, scope),
            p.SliceRange: lambda node, scope: UNKNOWN,
        }
        self._execute: dict[type, Callable[[Any, Scope], None]] = {
            p.Evaluate: self._expression,
            p.Assign: self._assign,
            p.Annotate: self._annotate,
            p.Augment: self._augment,
            p.Branch: self._branch,
            p.Loop: self._loop,
            p.With: self._with,
            p.Try: self._try,
            p.Define: self._define,
            p.DefineClass: self._define_class,
            p.Return: self._return,
            p.Leave: self._leave,
            p.Import: self._import,
            p.ImportFrom: self._import_from,
            p.DeclareScope: lambda node, scope: scope.foreign.update(node.names),
            p.Delete: lambda node, scope: None,
        }

    # What the other modules need

    def unknown(self) -> Unknown:
        """A new unknown value; in two runs along the same path it has the same number."""
        if self.loadings:
            loading = self.loadings[-1]
            loading.unknowns += 1
            return Unknown((loading.file.path, loading.unknowns))
        self._numbers += 1
        return Unknown(self._numbers)

    def place(self, node: p.Node, scope: Scope) -> Place:
        """Where `node` stands."""
        return Place(scope.file, scope.file.path, node.at)

    def record(self, event: Event) -> None:
        """Adds an event to the timeline."""
        self.timeline.events.append(event)
        if self.loadings:
            self.loadings[-1].events.append(event)

    # Entry points

    def run_module(self, file: ParsedFile, name: str) -> Module:
        """Runs a module's own statements; `name` is what `__name__` is inside it."""
        names: dict[str, Value] = {"__name__": Known(name), "__file__": self.unknown()}
        module = Module(name, names)
        self.modules[file.path] = module
        scope = Scope(names, file, speaks_keras=self.project.speaks_keras(file))
        scope.module = scope
        self._swallow(file.program.body, scope)
        return module

    def run_function(self, function: Function, arguments: Sequence[Value], owner: Value | None = None) -> None:
        """Runs a function that nobody calls, with guesses for the parameters that `arguments` leave out."""
        scope = function.scope
        values: list[Value] = list(arguments)
        for parameter in function.parameters[len(values) :]:
            if parameter.kind not in ("", "kwonly"):
                continue
            default = function.defaults.get(parameter.name)
            guess = Guess(parameter.name, bool(scope.module and scope.module.speaks_keras))
            values.append(default if isinstance(default, Known) and default.value is not None else guess)
        try:
            self.call_function(function, values, {}, owner)
        except (_Return, _Leave):
            return

    def run_entry(self, file: ParsedFile, name: str) -> None:
        """Runs the function `name`, or the method `Class.name` on an object made with unknown arguments.

        A method of a callback, and a training step, is run on the object that the module makes, if it makes one.
        """
        self.reached = False
        owner_name, _, member = name.rpartition(".")
        names = self.modules[file.path].names
        if not owner_name:
            function = names.get(member)
            if isinstance(function, Function):
                self.run_function(function, [])
            return
        cls = names.get(owner_name)
        if not isinstance(cls, Class):
            return
        method = cls.lookup(member)
        if isinstance(method, Function):
            in_fit = cls.is_callback or member == "train_step"
            made: Value | None = self.instances.get(id(cls)) if in_fit else None
            if made is None:
                made = keras_objects.instance_of(self, cls, cls.place)
                constructor = cls.lookup("__init__")
                if isinstance(constructor, Function) and constructor is not method:
                    self.run_function(constructor, [made], made)
            if isinstance(made, Instance) and cls.is_callback:
                made.attributes["model"] = keras_objects.trained_model(cls.place)
                self.record(HookEntered(method.place, member))
            self.run_function(method, [made], made)

    def finish(self) -> None:
        """Notes what is left to say at the end.

        Models that were compiled and never trained are trained elsewhere, with the flags they were compiled with;
        but for those that are evaluated or asked for predictions, as a model is that was trained before, and those
        whose name is another model's by then.
        """
        self.timeline.imports = {
            path: {name: value.name for name, value in module.names.items() if isinstance(value, External)}
            for path, module in self.modules.items()
        }
        trained = {id(event.model) for event in self.timeline.events if isinstance(event, Trained | Predicted)}
        for model in self.models:
            compiled = model.compiled
            if compiled is not None and id(model) not in trained | self.replaced:
                self.record(Trained(compiled.at, model, "fit", compiled.state, compiled, implied=True))

    def _swallow(self, body: p.Body, scope: Scope) -> None:
        """Runs statements of a module: one that leaves (`return`, `exit`) ends it quietly."""
        try:
            self.execute(body, scope)
        except (_Return, _Leave):
            return

    # Statements

    def execute(self, body: Sequence[p.Statement], scope: Scope) -> None:
        """Runs statements one after another."""
        for statement in body:
            self.steps += 1
            if self.steps > self.limit:
                raise OutOfBudget
            self._execute[type(statement)](statement, scope)

    def _expression(self, node: p.Evaluate, scope: Scope) -> None:
        self.evaluate(node.value, scope)
        if isinstance(node.value, p.Comparison) and node.value.operator == "==" and node.at not in scope.file.shown:
            self._no_assignment(node.value.left, "comparison", node, scope)

    def _no_assignment(self, target: p.Expression, how: str, node: p.Node, scope: Scope) -> None:
        """A statement that looks as if it set `trainable` on a layer."""
        if isinstance(target, p.Attribute) and target.name == "trainable":
            owner = solid(self.evaluate(target.value, scope))
            if isinstance(owner, Layer | Group):
                part = owner.stretch if isinstance(owner, Group) else owner
                self.record(NoAssignment(self.place(node, scope), part, how))

    def _assign(self, node: p.Assign, scope: Scope) -> None:
        value = self.evaluate(node.value, scope)
        for target in node.targets:
            self.bind(target, value, scope, node)

    def _annotate(self, node: p.Annotate, scope: Scope) -> None:
        self._no_assignment(node.target, "annotation", node, scope)

    def _augment(self, node: p.Augment, scope: Scope) -> None:
        current = self.evaluate(node.target, scope)
        value = self.evaluate(node.value, scope)
        variables = isinstance(value, Weights | Joined)
        if node.operator == "+" and isinstance(current, Items) and current.kind == "list" and not variables:
            current.items.extend(containers.items_of(value))
            current.complete = current.complete and isinstance(value, Items)
            return
        self.bind(node.target, self._combine(node.operator, current, value), scope, node)

    def bind(self, target: p.Expression, value: Value, scope: Scope, statement: p.Node, naming: bool = True) -> None:
        """Assigns `value` to a target: a name, an attribute, an item, or a tuple of these.

        An object is called by the first name that is assigned to it; a loop variable (`naming` False) is no name.
        """
        if isinstance(target, p.Name):
            self._bind_name(target.id, value, scope, naming)
        elif isinstance(target, p.Attribute):
            owner = solid(self.evaluate(target.value, scope))
            at, name_at = self.place(statement, scope), self.place(target, scope)
            keras_objects.set_attribute(self, owner, target.name, value, at, name_at)
        elif isinstance(target, p.Subscript):
            owner = self.evaluate(target.value, scope)
            index = self.evaluate(target.index, scope)
            containers.set_item(owner, index, value)
        elif isinstance(target, p.Display):
            parts = containers.unpack(self, value, len(target.items))
            for item, part in zip(target.items, parts, strict=True):
                self.bind(item, part, scope, statement, naming)
        elif isinstance(target, p.Starred):
            self.bind(target.value, Items([], complete=False), scope, statement)

    def _bind_name(self, name: str, value: Value, scope: Scope, naming: bool) -> None:
        holder = scope
        if name in scope.foreign:
            holder = (scope.parent.find(name) if scope.parent else None) or scope.module or scope
        named = solid(value)
        before = holder.names.get(name)
        if isinstance(before, Model) and isinstance(named, Model) and before is not named:
            self.replaced.add(id(before))
        holder.names[name] = value
        if naming and isinstance(named, Layer):
            self.name(named, name, scope if scope.parent is not None else None)

    def name(self, layer: Layer, name: str, scope: Scope | None = None) -> None:
        """Notes what the program calls a layer, if it has no name that still means something; `scope` is the call."""
        if not layer.known_as or (layer.named_in is not None and layer.named_in not in self.calls):
            layer.known_as, layer.named_in = name, scope

    def _branch(self, node: p.Branch, scope: Scope) -> None:
        self.missed.clear()
        condition = self.decide(node.test, scope, node)
        if self.missed and sets_flags((*node.body, *node.otherwise)):
            for missed in self.missed:
                self.record(BatchNormMissed(self.place(node.test, scope), *missed))
        if isinstance(condition, GroupTest):
            self._branch_on_group(condition, node, scope)
        elif condition is None:
            self._both(node, scope)
        else:
            self.execute(node.body if condition else node.otherwise, scope)

    def _both(self, node: p.Branch, scope: Scope) -> None:
        """Walks both sides of a condition that does not matter; names on which they differ become unknown."""
        before = dict(scope.names)
        self.execute(node.body, scope)
        after = dict(scope.names)
        scope.names.clear()
        scope.names.update(before)
        self.execute(node.otherwise, scope)
        for name in after.keys() | scope.names.keys():
            one, other = after.get(name), scope.names.get(name)
            if one is None or other is None:
                scope.names[name] = one or other or UNKNOWN
            elif one is not other and one != other:
                scope.names[name] = self.unknown()

    def _branch_on_group(self, condition: GroupTest, node: p.Branch, scope: Scope) -> None:
        """A condition on the loop variable: the body runs for the layers it holds for, the rest for the others."""
        group, remaining = condition.group, []
        for selection, body in ((condition.yes, node.body), (condition.no, node.otherwise)):
            if selection is None:
                continue
            with self.narrowed(group, selection, scope):
                try:
                    self.execute(body, scope)
                except _Leave as leave:
                    if leave.how == "raise":
                        raise
                    continue
            remaining.append(selection)
        if not remaining:
            raise _Leave("continue")
        if len(remaining) == 1:
            group.stretch = Stretch(group.stretch.model, remaining[0])

    @contextmanager
    def narrowed(self, group: Group, selection: Selection, scope: Scope) -> Iterator[None]:
        """Inside, the group stands for the selected layers only; an object taken from it keeps its own choice."""
        whole = group.stretch
        group.stretch = Stretch(whole.model, selection)
        bound = {name for name, value in scope.names.items() if value is group}
        yield
        for name, value in list(scope.names.items()):
            if value is group and name not in bound:
                scope.names[name] = Group(group.stretch, group.answer)
        group.stretch = whole

    def _loop(self, node: p.Loop, scope: Scope) -> None:
        if node.target is None:
            condition = self.evaluate(node.iterable, scope)
            if truth(condition) is False:
                return
            for counter in _counters(node.body):
                scope.names[counter] = self.unknown()
            self._rounds([UNKNOWN, UNKNOWN], True, node, scope)
        else:
            self._rounds(*self._items(node, scope), node, scope)
        self.execute(node.otherwise, scope)

    def _items(self, node: p.Loop, scope: Scope) -> tuple[list[Value], bool]:
        """What a loop binds round by round, and whether it really makes other rounds."""
        iterable = solid(self.evaluate(node.iterable, scope))
        if isinstance(iterable, IndexRange) and isinstance(node.target, p.Name):
            indexed = _indexed_by(node.target.id, node.body)
            layers = solid(self.evaluate(indexed, scope)) if indexed is not None else None
            if isinstance(layers, Layers):
                return containers.index_rounds(layers, iterable), False
        rounds = containers.MAX_BUILDING_ROUNDS if builds_on(node.body) else containers.MAX_ROUNDS
        items = containers.iterate(self, iterable, _switches_at_a_name(node), rounds)
        shortened = containers.is_cut(iterable, items)
        if items is None:
            items = [self.unknown(), self.unknown()] if matters(node.body, self._functions()) else [self.unknown()]
        return items, shortened

    def _rounds(self, items: list[Value], shortened: bool, node: p.Loop, scope: Scope) -> None:
        self.loops += 1
        self.shortened += shortened
        try:
            for item in items:
                if node.target is not None:
                    self.bind(node.target, item, scope, node, naming=False)
                if not self._round(node.body, scope):
                    return
        finally:
            self.loops -= 1
            self.shortened -= shortened

    def _round(self, body: p.Body, scope: Scope) -> bool:
        """Runs the body of a loop once; False if it leaves the loop."""
        try:
            self.execute(body, scope)
        except _Leave as leave:
            if leave.how == "raise":
                raise
            return leave.how != "break"
        return True

    def _with(self, node: p.With, scope: Scope) -> None:
        before = len(self.tapes)
        for context, target in node.items:
            value = self.evaluate(context, scope)
            if isinstance(value, Tape):
                self.tapes.append(value)
            if target is not None:
                self.bind(target, value, scope, node)
        try:
            self.execute(node.body, scope)
        finally:
            del self.tapes[before:]

    def _try(self, node: p.Try, scope: Scope) -> None:
        self.guards += bool(node.handlers)
        try:
            self.execute(node.body, scope)
            self.execute(node.otherwise, scope)
        except _Leave as leave:
            if leave.how != "raise" or not node.handlers:
                raise
        finally:
            self.guards -= bool(node.handlers)
            if node.final:
                self.execute(node.final, scope)

    def _define(self, node: p.Define, scope: Scope) -> None:
        decorators = tuple(self.evaluate(item, scope) for item in node.decorators)
        function = self._function(node.name, node.parameters, node.body, node, scope, decorators)
        if scope.is_class:
            function.owner = scope.cls
        scope.names[node.name] = function
        if custom_loops.runs_once(function):
            for assignment in flags_set_at_some_steps(node.body):
                self.record(FlagSetInTrace(self.place(assignment, scope), function))

    def _function(
        self,
        name: str,
        parameters: tuple[p.Parameter, ...],
        body: p.Body,
        node: p.Node,
        scope: Scope,
        decorators: tuple[Value, ...] = (),
    ) -> Function:
        defaults = {item.name: self.evaluate(item.default, scope) for item in parameters if item.default is not None}
        return Function(name, parameters, body, scope, defaults, scope.file, node.at, decorators)

    def _define_class(self, node: p.DefineClass, scope: Scope) -> None:
        bases = [self.evaluate(base, scope) for base in node.bases]
        cls = Class(node.name, bases, {}, node.at, scope.file)
        body = Scope(cls.members, scope.file, scope, scope.module, cls=cls, is_class=True)
        self._swallow(node.body, body)
        scope.names[node.name] = cls
        if keras_objects.is_keras_class(cls):
            call = cls.members.get("call")
            self.record(ClassDefined(self.place(node, scope), cls, call if isinstance(call, Function) else None))

    def _return(self, node: p.Return, scope: Scope) -> None:
        raise _Return(self.evaluate(node.value, scope) if node.value is not None else Known(None))

    def _leave(self, node: p.Leave, scope: Scope) -> None:
        raise _Leave(node.how)

    def _import(self, node: p.Import, scope: Scope) -> None:
        location = self._locate(node.module, 0, scope.file.path)
        if location is not None and (node.whole or "." not in node.module):
            scope.names[node.name] = Imported(location, node.module, "")
        else:
            scope.names[node.name] = External(library.canonical(node.module if node.whole else node.name))

    def _import_from(self, node: p.ImportFrom, scope: Scope) -> None:
        importer = scope.file.path
        location = self._locate(node.module, node.level, importer)
        for original, name in node.names:
            inner = self._locate(f"{node.module}.{original}".strip("."), node.level, importer)
            if name == "*":
                self._import_star(location, node.module, scope)
            elif inner is not None:
                scope.names[name] = Imported(inner, f"{node.module}.{original}", "")
            elif location is not None:
                scope.names[name] = Imported(location, node.module, original)
            elif node.level:
                scope.names[name] = self.unknown()
            else:
                scope.names[name] = External(library.canonical(f"{node.module}.{original}"))

    def _import_star(self, location: Path | None, name: str, scope: Scope) -> None:
        module = self._module(location, name) if location is not None else None
        names = module.names if module is not None else library.sections(name)
        scope.names.update((key, value) for key, value in names.items() if not key.startswith("_"))

    def _module(self, location: Path, name: str) -> Module | None:
        """The module of the project that lies at `location`, run when it is first needed."""
        file = self.project.read(location)
        if file is not None and file.path not in self.modules and not self.imports_ended:
            importing.load(self, file, location, name)
        importing.note(self, file)
        return self.modules.get(file.path) if file is not None else None

    def _locate(self, module: str, level: int, importer: str) -> Path | None:
        location = self.project.locate(module, level, importer)
        if self.loadings:
            self.loadings[-1].located[module, level, importer] = location
        return location

    def _functions(self) -> Set[str]:
        """The functions that may matter to a model: the project's, while a file is imported its own."""
        return self.loadings[-1].file.functions if self.loadings else self.project.functions

    def loaded(self, value: Value) -> Value:
        """What an imported name stands for, read from its file now."""
        for _ in range(MAX_CALLS):
            if not isinstance(value, Imported):
                return value
            module = self._module(value.location, value.module)
            if module is None:
                return self.unknown()
            value = module.names.get(value.original, UNKNOWN) if value.original else module
        return self.unknown()

    # Conditions

    def decide(self, test: p.Expression, scope: Scope, node: p.Branch | None) -> bool | GroupTest | None:
        """The outcome of a condition: known, a choice among a group, or decided for this path.

        None if it is not known and does not matter (`node` says for what).
        """
        value = self.evaluate(test, scope)
        if isinstance(value, GroupTest):
            return value
        known = truth(value)
        if known is not None:
            return known
        if node is not None:
            if only_gives_up(node.body) and not node.otherwise:
                return False
            functions = self._functions()
            if not matters(node.body, functions) and not matters(node.otherwise, functions):
                return None
        return self._choose(test, scope)

    def _choose(self, test: p.Expression, scope: Scope) -> bool:
        if isinstance(test, p.Not):
            return not self._choose(test.value, scope)
        if isinstance(test, p.Comparison) and test.operator in ("==", "!=", "is", "is not", "in", "not in"):
            constants = conditions.constants_of(self.evaluate(test.right, scope))
            if constants:
                negative = test.operator in ("!=", "is not", "not in")
                subject = self.key(test.left, scope)
                return any(self._ask((subject, constant)) for constant in constants) is not negative
        if isinstance(test, p.BooleanOperation):
            left = self._settled(test.left, scope)
            if test.operator == "and":
                return left and self._settled(test.right, scope)
            return left or self._settled(test.right, scope)
        return self._ask((self.key(test, scope),))

    def _ask(self, question: Question) -> bool:
        """The outcome of an unknown condition on this path; an import has one path."""
        if not self.loadings:
            return self.decisions.ask(question)
        outcome = self.decisions.ask(question, settled=True)
        self.loadings[-1].answers.append((question, outcome))
        return outcome

    def _settled(self, test: p.Expression, scope: Scope) -> bool:
        known = truth(self.evaluate(test, scope))
        return self._choose(test, scope) if known is None else known

    def key(self, node: p.Expression, scope: Scope) -> Hashable:
        """What a condition is about: equal for two conditions that must have the same outcome."""
        if isinstance(node, p.Constant):
            return ("constant", repr(node.value))
        if isinstance(node, p.Name):
            return self._value_key(self._name(node, scope), node)
        if isinstance(node, p.Attribute):
            value = self.evaluate(node, scope)
            if not isinstance(value, Unknown) or value.number:
                return self._value_key(value, node)
            return ("attribute", self.key(node.value, scope), node.name)
        if isinstance(node, p.Call):
            return ("call", self.key(node.function, scope), *(self.key(item.value, scope) for item in node.arguments))
        if isinstance(node, p.Comparison | p.Arithmetic | p.BooleanOperation):
            return (node.operator, self.key(node.left, scope), self.key(node.right, scope))
        if isinstance(node, p.Subscript):
            return ("item", self.key(node.value, scope), self.key(node.index, scope))
        return ("at", scope.file.path, node.at)

    def _value_key(self, value: Value, node: p.Expression) -> Hashable:
        match value:
            case Unknown(number=number) if number:
                return ("unknown", number)
            case External(name=name):
                return ("external", name)
            case Known(value=constant):
                return ("constant", repr(constant))
            case Guess(name=name):
                return ("guess", name)
            case Layer():
                return ("layer", value.at)
            case _:
                return ("value", type(value).__name__, node.id if isinstance(node, p.Name) else node.at)

    # Expressions

    def evaluate(self, node: p.Expression, scope: Scope) -> Value:
        """The abstract value of an expression; its effects happen."""
        return self._evaluate[type(node)](node, scope)

    def _name(self, node: p.Name, scope: Scope) -> Value:
        holder = scope.find(node.id)
        if holder is not None:
            value = holder.names[node.id]
            if isinstance(value, Imported):
                value = holder.names[node.id] = self.loaded(value)
            return value
        if node.id in library.BUILTINS:
            return External(f"builtins.{node.id}")
        top = scope.module or scope
        if top.speaks_keras and (external := library.well_known(node.id)) is not None:
            return external
        guess = Guess(node.id, top.speaks_keras)
        top.names[node.id] = guess
        return guess

    def _attribute(self, node: p.Attribute, scope: Scope) -> Value:
        owner = solid(self.evaluate(node.value, scope))
        return keras_objects.get_attribute(self, owner, node.name, self.place(node, scope))

    def _subscript(self, node: p.Subscript, scope: Scope) -> Value:
        owner = solid(self.evaluate(node.value, scope))
        if isinstance(node.index, p.SliceRange):
            bounds = [self._bound(node.index.lower, scope), self._bound(node.index.upper, scope)]
            return containers.slice_of(self, owner, bounds[0], bounds[1], stepped=node.index.step is not None)
        return containers.item_of(self, owner, self.evaluate(node.index, scope))

    def _bound(self, node: p.Expression | None, scope: Scope) -> int | str | Length | None:
        """A slice bound: a number, a length, or a text that is the same wherever the bound is the same."""
        if node is None:
            return None
        value = self.evaluate(node, scope)
        if isinstance(value, Known):
            return value.value if isinstance(value.value, int) or value.value is None else "?"
        return value if isinstance(value, Length) else str(self.key(node, scope))

    def _display(self, node: p.Display, scope: Scope) -> Value:
        result = Items([], node.kind)
        values = [self.evaluate(item, scope) for item in node.items]
        pairs = list(zip(node.items, values, strict=True))
        if any(isinstance(item, p.Starred) and isinstance(value, Weights | Joined) for item, value in pairs):
            return custom_loops.joined(values) or self.unknown()
        for item, value in pairs:
            if isinstance(item, p.Starred):
                if isinstance(value, Layers):
                    result.items.extend(building.as_values(value))
                else:
                    result.items.extend(containers.items_of(value))
                result.complete = result.complete and isinstance(value, Items | Layers)
            else:
                result.items.append(value)
        return result

    def _mapping(self, node: p.Mapping, scope: Scope) -> Value:
        table = Table({})
        for key, item in node.items:
            value = self.evaluate(item, scope)
            if key is None:
                if isinstance(value, Table):
                    table.items.update(value.items)
                else:
                    table.complete = False
                continue
            name = self.evaluate(key, scope)
            if isinstance(name, Known) and isinstance(name.value, Hashable):
                table.items[name.value] = value
            else:
                table.complete = False
        return table

    def _not(self, node: p.Not, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope)
        if isinstance(value, GroupTest):
            return value.negated()
        known = truth(value)
        return self.unknown() if known is None else Known(not known)

    def _boolean(self, node: p.BooleanOperation, scope: Scope) -> Value:
        left = self.evaluate(node.left, scope)
        known = truth(left)
        if known is not None and known is (node.operator == "or"):
            return left
        right = self.evaluate(node.right, scope)
        if known is not None:
            return right
        if isinstance(left, GroupTest) or isinstance(right, GroupTest):
            return conditions.combine_tests(self, node.operator, left, right)
        return self.unknown()

    def _comparison(self, node: p.Comparison, scope: Scope) -> Value:
        left = solid(self.evaluate(node.left, scope))
        right = solid(self.evaluate(node.right, scope))
        return conditions.compare(self, node.operator, left, right)

    def _arithmetic(self, node: p.Arithmetic, scope: Scope) -> Value:
        return self._combine(node.operator, self.evaluate(node.left, scope), self.evaluate(node.right, scope))

    def _combine(self, symbol: str, left: Value, right: Value) -> Value:
        if isinstance(left, Known) and isinstance(right, Known):
            return self._compute(symbol, left.value, right.value)
        if isinstance(left, Tensor) or isinstance(right, Tensor):
            return Tensor(inputs=tuple(value for value in (left, right) if isinstance(value, Tensor)))
        if isinstance(left, Items) and isinstance(right, Items) and symbol == "+":
            return Items([*left.items, *right.items], left.kind, left.complete and right.complete)
        if isinstance(left, Layers) and isinstance(right, Layers) and symbol == "+":
            parts, complete = [*left.parts, *right.parts], left.complete and right.complete
            return Layers(parts, None, complete, left.maybe | right.maybe)
        if isinstance(left, Length) and isinstance(right, Known) and isinstance(right.value, int) and symbol in "+-":
            return Length(left.of, left.plus + (right.value if symbol == "+" else -right.value))
        joined = custom_loops.joined((left, right)) if symbol == "+" else None
        return joined or self.unknown()

    def _compute(self, symbol: str, left: Any, right: Any) -> Value:
        """Arithmetic on constants, within bounds that keep it cheap."""
        small = (
            isinstance(left, int | float) and isinstance(right, int | float) and abs(left) < 1e9 and abs(right) < 1e9
        )
        texts = isinstance(left, str) and isinstance(right, str) and symbol == "+" and len(left) + len(right) < 10_000
        if not (small and symbol in _ARITHMETIC and symbol != "**") and not texts:
            return self.unknown()
        try:
            return Known(_ARITHMETIC[symbol](left, right))
        except (ArithmeticError, TypeError, ValueError):
            return self.unknown()

    def _conditional(self, node: p.Conditional, scope: Scope) -> Value:
        value = self.evaluate(node.test, scope)
        known = truth(value)
        if known is not None:
            return self.evaluate(node.body if known else node.otherwise, scope)
        if isinstance(value, GroupTest):
            return self._conditional_on_group(value, node, scope)
        body, otherwise = self.evaluate(node.body, scope), self.evaluate(node.otherwise, scope)
        if body == otherwise:
            return body
        if conditions.worth_deciding(body) or conditions.worth_deciding(otherwise):
            return body if self._choose(node.test, scope) else otherwise
        return self.unknown()

    def _conditional_on_group(self, test: GroupTest, node: p.Conditional, scope: Scope) -> Value:
        """`False if isinstance(layer, …) else True`: the test itself, or its opposite."""
        body, otherwise = truth(self.evaluate(node.body, scope)), truth(self.evaluate(node.otherwise, scope))
        if body is True and otherwise is False:
            return test
        return test.negated() if body is False and otherwise is True else self.unknown()

    def _walrus(self, node: p.Walrus, scope: Scope) -> Value:
        value = self.evaluate(node.value, scope)
        self.bind(node.target, value, scope, node)
        return value

    def _opaque_parts(self, node: p.Text | p.Opaque, scope: Scope) -> Value:
        for part in node.parts if isinstance(node, p.Text) else node.operands:
            self.evaluate(part, scope)
        return self.unknown()

    def _lambda(self, node: p.Lambda, scope: Scope) -> Value:
        body = (p.Return(node.at, node.body),)
        return self._function("<lambda>", node.parameters, body, node, scope)

    def _comprehension(self, node: p.Generator, scope: Scope) -> Value:
        inner = Scope({}, scope.file, scope, scope.module, owner=scope.owner, cls=scope.cls)
        iterable = solid(self.evaluate(node.iterable, scope))
        items = containers.iterate(self, iterable)
        results: list[Value] = []
        shortened = containers.is_cut(iterable, items)
        self.loops += 1
        self.shortened += shortened
        try:
            for item in items if items is not None else [self.unknown()]:
                self.bind(node.target, item, inner, node, naming=False)
                kept = self._kept(node.conditions, inner)
                if kept is False or (isinstance(kept, GroupTest) and kept.yes is None):
                    continue
                if isinstance(kept, GroupTest) and kept.yes is not None:
                    kept.group.stretch = Stretch(kept.group.stretch.model, kept.yes)
                results.append(self.evaluate(node.element, inner))
        finally:
            self.loops -= 1
            self.shortened -= shortened
        if isinstance(iterable, Layers) and all(isinstance(value, Layer | Group | Maybe) for value in results):
            return building.as_layers(results, None, iterable.complete)
        return Items(results, "list", items is not None and not node.conditions)

    def _kept(self, conditions: tuple[p.Expression, ...], scope: Scope) -> bool | GroupTest:
        outcome: bool | GroupTest = True
        for condition in conditions:
            value = self.evaluate(condition, scope)
            if isinstance(value, GroupTest):
                outcome = value
            elif truth(value) is False:
                return False
        return outcome

    # Calls

    def _call(self, node: p.Call, scope: Scope) -> Value:
        self.steps += 1
        if self.steps > self.limit:
            raise OutOfBudget
        function = solid(self.evaluate(node.function, scope))
        positional: list[Value] = []
        named: dict[str, Value] = {}
        for argument in node.arguments:
            value = self.evaluate(argument.value, scope)
            if argument.star == "**":
                named.update({str(key): item for key, item in value.items.items()} if isinstance(value, Table) else {})
            elif argument.star == "*":
                positional.extend(containers.items_of(value))
            elif argument.name is not None:
                named[argument.name] = value
            else:
                positional.append(value)
        if isinstance(function, External) and function.name == "builtins.super":
            return Partial(scope.owner or UNKNOWN, "super()")
        if isinstance(node.function, p.Attribute) and node.function.name == "apply_gradients":
            pairs = next(iter([*positional, *named.values()]), None)
            weights = pairs.weights if isinstance(pairs, Paired) else None
            custom_loops.apply_gradients(self, function, weights, self.place(node, scope))
        if isinstance(node.function, p.Attribute) and node.function.name == "add_endpoint":
            serving.add_endpoint(self, positional, named, self.place(node, scope))
        self.starred = any(argument.star == "**" for argument in node.arguments)
        return self.call(function, positional, named, self.place(node, scope))

    def call(self, function: Value, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
        """The result of calling a value of any kind."""
        match function:
            case Function():
                return self.call_function(function, positional, named, None)
            case Method(function=inner, owner=owner):
                return self.call_function(inner, [owner, *positional], named, owner)
            case Class():
                return self.instantiate(function, positional, named, at)
            case Layer():
                return keras_objects.call_layer(self, function, positional, named, at)
            case Partial(owner=owner, name=name):
                return keras_objects.call_method(self, owner, name, positional, named, at)
            case External(name=name):
                return library.call_external(self, name, positional, named, at)
            case Instance(cls=cls):
                called = cls.lookup("__call__")
                if isinstance(called, Function):
                    return self.call_function(called, [function, *positional], named, function)
                return self.unknown()
            case _:
                return library.call_unknown(self, function, positional, named, at)

    def call_function(
        self, function: Function, positional: list[Value], named: dict[str, Value], owner: Value | None
    ) -> Value:
        """Runs a function of the project with these arguments; recursion and deep calls give an unknown value."""
        self.called.add(id(function.body))
        if self.loadings:
            self.loadings[-1].called.add(id(function.body))
        depth = sum(1 for running in self.inside if running.body is function.body)
        if depth >= MAX_RECURSION or len(self.inside) >= MAX_CALLS:
            return self.unknown()
        outer: Scope = function.scope
        scope = Scope({}, function.file, outer, outer.module, owner=owner or outer.owner, cls=function.owner)
        self._bind_parameters(function, positional, named, scope)
        step = custom_loops.step_of(function, positional)
        self.inside.append(function)
        self.calls.append(scope)
        if step is not None:
            self.steps_traced.append(step)
        try:
            self.execute(function.body, scope)
        except _Return as result:
            return result.value
        except _Leave as leave:
            if leave.how == "raise":
                raise
        finally:
            self.inside.pop()
            self.calls.pop()
            if step is not None:
                self.steps_traced.pop()
        return Known(None)

    def _bind_parameters(
        self, function: Function, positional: list[Value], named: dict[str, Value], scope: Scope
    ) -> None:
        waiting = list(positional)
        left = dict(named)
        for parameter in function.parameters:
            name = parameter.name
            if parameter.kind == "*":
                scope.names[name] = Items(waiting, "tuple")
                waiting = []
            elif parameter.kind == "**":
                scope.names[name] = Table(dict(left))
            elif parameter.kind == "" and waiting:
                scope.names[name] = waiting.pop(0)
                left.pop(name, None)
            elif name in left:
                scope.names[name] = left.pop(name)
            else:
                scope.names[name] = function.defaults.get(name) or self.unknown()

    def instantiate(self, cls: Class, positional: list[Value], named: dict[str, Value], at: Place) -> Value:
        """An object of a class of the project, with its `__init__` run."""
        made = keras_objects.instance_of(self, cls, at)
        constructor = cls.lookup("__init__")
        if isinstance(constructor, Function):
            self.call_function(constructor, [made, *positional], named, made)
        elif isinstance(made, Layer):
            keras_objects.construct(self, made, positional, named)
        self.instances[id(cls)] = made
        return made


_ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}


def truth(value: Value) -> bool | None:
    """Whether a value counts as true; None if that is not known."""
    match value:
        case Known(value=constant):
            try:
                return bool(constant)
            except Exception:
                return None
        case Items(items=items, complete=complete):
            return True if items else (False if complete else None)
        case Table(items=table, complete=complete):
            return True if table else (False if complete else None)
        case Layer() | Function() | Class() | Module() | Tensor() | Instance():
            return True
        case _:
            return None


def _counters(body: p.Body) -> set[str]:
    """The names that a loop counts up or down: how far it gets is not known."""
    return {node.target.id for node in walk(body) if isinstance(node, p.Augment) and isinstance(node.target, p.Name)}


def _indexed_by(name: str, body: p.Body) -> p.Expression | None:
    """What a loop indexes with its variable: `model.layers` in `model.layers[i]`."""
    for node in walk(body):
        if isinstance(node, p.Subscript) and isinstance(node.index, p.Name) and node.index.id == name:
            if isinstance(node.value, p.Attribute) and node.value.name == "layers":
                return node.value
    return None


def _switches_at_a_name(loop: p.Loop) -> bool:
    """Whether the loop turns a switch when it meets a layer of a certain name (`if layer.name == …: on = True`)."""
    return any(
        isinstance(statement, p.Branch)
        and isinstance(statement.test, p.Comparison)
        and statement.test.operator in ("==", "in")
        and isinstance(statement.test.left, p.Attribute)
        and statement.test.left.name == "name"
        and any(
            isinstance(inner, p.Assign) and isinstance(inner.value, p.Constant) and isinstance(inner.targets[0], p.Name)
            for inner in statement.body
        )
        for statement in loop.body
    )
