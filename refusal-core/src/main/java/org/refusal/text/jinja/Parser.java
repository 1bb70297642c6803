package org.refusal.text.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.refusal.text.jinja.Expressions.Arithmetic;
import org.refusal.text.jinja.Expressions.Attribute;
import org.refusal.text.jinja.Expressions.Call;
import org.refusal.text.jinja.Expressions.Comparison;
import org.refusal.text.jinja.Expressions.Comparisons;
import org.refusal.text.jinja.Expressions.Concatenation;
import org.refusal.text.jinja.Expressions.Conditional;
import org.refusal.text.jinja.Expressions.Constant;
import org.refusal.text.jinja.Expressions.Filtered;
import org.refusal.text.jinja.Expressions.Invocation;
import org.refusal.text.jinja.Expressions.Item;
import org.refusal.text.jinja.Expressions.Items;
import org.refusal.text.jinja.Expressions.Logical;
import org.refusal.text.jinja.Expressions.Mapping;
import org.refusal.text.jinja.Expressions.Name;
import org.refusal.text.jinja.Expressions.NamespaceTarget;
import org.refusal.text.jinja.Expressions.Not;
import org.refusal.text.jinja.Expressions.Pair;
import org.refusal.text.jinja.Expressions.Sign;
import org.refusal.text.jinja.Expressions.Slice;
import org.refusal.text.jinja.Expressions.Tested;
import org.refusal.text.jinja.Expressions.Use;
import org.refusal.text.jinja.Node.Expression;
import org.refusal.text.jinja.Node.Flow;
import org.refusal.text.jinja.Node.Statement;
import org.refusal.text.jinja.Statements.Branch;
import org.refusal.text.jinja.Statements.CallBlock;
import org.refusal.text.jinja.Statements.Data;
import org.refusal.text.jinja.Statements.FilterBlock;
import org.refusal.text.jinja.Statements.For;
import org.refusal.text.jinja.Statements.Function;
import org.refusal.text.jinja.Statements.Generation;
import org.refusal.text.jinja.Statements.If;
import org.refusal.text.jinja.Statements.Jump;
import org.refusal.text.jinja.Statements.Macros;
import org.refusal.text.jinja.Statements.Print;
import org.refusal.text.jinja.Statements.SetBlock;
import org.refusal.text.jinja.Statements.With;
import org.refusal.text.jinja.Token.Kind;

/** Makes a tree of tokens, with the precedence that jinja2's parser has. */
final class Parser {
  private static final int DEEPEST = 60;
  private static final Set<String> COMPARING = Set.of("==", "!=", "<", "<=", ">", ">=");
  private static final Set<String> CONSTANTS = Set.of("true", "false", "none", "True", "False", "None");

  private final List<Token> tokens;
  private int at;
  private int depth;

  private Parser(List<Token> tokens) {
    this.tokens = tokens;
  }

  static List<Statement> parse(List<Token> tokens) {
    Parser parser = new Parser(tokens);
    List<Statement> body = parser.body(Set.of());
    return body;
  }

  private Token current() {
    return tokens.get(at);
  }

  private Token following() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  private Token next() {
    Token token = current();
    if (token.kind() != Kind.END) {
      at++;
    }
    return token;
  }

  private boolean skipName(String name) {
    boolean is = current().isName(name);
    at += is ? 1 : 0;
    return is;
  }

  private boolean skipOperator(String operator) {
    boolean is = current().isOperator(operator);
    at += is ? 1 : 0;
    return is;
  }

  private JinjaException fault(String message) {
    return new JinjaException(current().line(), message);
  }

  private Token expect(Kind kind, String what) {
    if (current().kind() != kind) {
      throw fault("expected %s, got %s".formatted(what, current()));
    }
    return next();
  }

  private void expectOperator(String operator) {
    if (!skipOperator(operator)) {
      throw fault("expected '%s', got %s".formatted(operator, current()));
    }
  }

  private void expectName(String name) {
    if (!skipName(name)) {
      throw fault("expected '%s', got %s".formatted(name, current()));
    }
  }

  private void deeper() {
    if (++depth > DEEPEST) {
      throw fault("the template is nested more than %d deep".formatted(DEEPEST));
    }
  }

  /** Statements up to a tag of one of these names, which is not read. Without names, all up to the end. */
  private List<Statement> body(Set<String> ends) {
    List<Statement> body = new ArrayList<>();
    deeper();
    while (current().kind() != Kind.END) {
      Token token = next();
      switch (token.kind()) {
        case DATA -> body.add(new Data(token.line(), (String) token.value()));
        case VARIABLE_BEGIN -> {
          body.add(new Print(token.line(), tuple(true, Set.of(), false)));
          expect(Kind.VARIABLE_END, "}}");
        }
        default -> {
          if (current().kind() == Kind.NAME && ends.contains(current().value())) {
            depth--;
            return body;
          }
          statement(body);
          expect(Kind.BLOCK_END, "%}");
        }
      }
    }
    depth--;
    if (!ends.isEmpty()) {
      throw fault("the template ends where one of %s is missing".formatted(ends.stream().sorted().toList()));
    }
    return body;
  }

  /** The body of a tag whose head was read, up to one of these names, and that name. */
  private List<Statement> block(String... ends) {
    skipOperator(":");
    expect(Kind.BLOCK_END, "%}");
    return body(Set.of(ends));
  }

  private List<Statement> wholeBlock(String end) {
    List<Statement> body = block(end);
    next();
    return body;
  }

  private void statement(List<Statement> body) {
    Token tag = expect(Kind.NAME, "the name of a tag");
    int line = tag.line();
    switch ((String) tag.value()) {
      case "set" -> body.add(set(line));
      case "if" -> body.add(branches(line));
      case "for" -> body.add(loop(line));
      case "with" -> body.add(with(line));
      case "macro" -> {
        String name = (String) expect(Kind.NAME, "the name of a macro").value();
        requireAssignable(line, name);
        body.add(new Macros(function(line, name, true, "endmacro")));
      }
      case "call" -> {
        List<Name> parameters = new ArrayList<>();
        List<Expression> defaults = new ArrayList<>();
        if (current().isOperator("(")) {
          signature(parameters, defaults);
        }
        if (!(expression(true) instanceof Invocation call)) {
          throw new JinjaException(line, "call needs the call of a macro");
        }
        body.add(new CallBlock(call, new Function(line, "caller", parameters, defaults, wholeBlock("endcall"))));
      }
      case "filter" -> {
        Filtered filter = (Filtered) filters(null, true);
        body.add(new FilterBlock(line, filter, wholeBlock("endfilter")));
      }
      case "generation" ->
          body.add(new Generation(new Function(line, "generation", List.of(), List.of(), wholeBlock("endgeneration"))));
      case "break" -> body.add(new Jump(line, Flow.BREAK));
      case "continue" -> body.add(new Jump(line, Flow.CONTINUE));
      case "print" -> {
        boolean first = true;
        while (current().kind() != Kind.BLOCK_END) {
          if (!first) {
            expectOperator(",");
          }
          body.add(new Print(line, expression(true)));
          first = false;
        }
      }
      default -> throw new JinjaException(line, "the tag '%s' is not supported or stands in the wrong place".formatted(tag.value()));
    }
  }

  private Statement set(int line) {
    Expression target = target(Set.of(), true);
    if (skipOperator("=")) {
      return new Statements.Set(line, target, tuple(true, Set.of(), false));
    }
    Filtered filter = (Filtered) filters(null, false);
    return new SetBlock(line, target, filter, wholeBlock("endset"));
  }

  private Statement branches(int line) {
    List<Branch> branches = new ArrayList<>();
    List<Statement> otherwise = List.of();
    Token end;
    do {
      int place = current().line();
      Expression test = tuple(false, Set.of(), false);
      branches.add(new Branch(branches.isEmpty() ? line : place, test, block("elif", "else", "endif")));
      end = next();
    } while (end.isName("elif"));
    if (end.isName("else")) {
      otherwise = wholeBlock("endif");
    }
    return new If(line, branches, otherwise);
  }

  private Statement loop(int line) {
    Expression target = target(Set.of("in"), false);
    expectName("in");
    Expression items = tuple(false, Set.of("recursive"), false);
    Expression test = skipName("if") ? expression(true) : null;
    boolean recursive = skipName("recursive");
    List<Statement> body = block("endfor", "else");
    List<Statement> otherwise = next().isName("else") ? wholeBlock("endfor") : List.of();
    return new For(line, target, items, body, otherwise, test, recursive);
  }

  private Statement with(int line) {
    List<Expression> targets = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (current().kind() != Kind.BLOCK_END && !current().isOperator(":")) {
      if (!targets.isEmpty()) {
        expectOperator(",");
      }
      targets.add(used(target(Set.of(), false), Use.PARAMETER));
      expectOperator("=");
      values.add(expression(true));
    }
    return new With(line, targets, values, wholeBlock("endwith"));
  }

  private Function function(int line, String name, boolean signature, String end) {
    List<Name> parameters = new ArrayList<>();
    List<Expression> defaults = new ArrayList<>();
    if (signature) {
      signature(parameters, defaults);
    }
    return new Function(line, name, parameters, defaults, wholeBlock(end));
  }

  private void signature(List<Name> parameters, List<Expression> defaults) {
    expectOperator("(");
    while (!skipOperator(")")) {
      if (!parameters.isEmpty()) {
        expectOperator(",");
      }
      Token name = expect(Kind.NAME, "the name of a parameter");
      requireAssignable(name.line(), (String) name.value());
      Name parameter = new Name(name.line(), (String) name.value(), Use.PARAMETER);
      if (parameters.stream().anyMatch(other -> other.name().equals(parameter.name()))) {
        throw fault("the parameter '%s' is there twice".formatted(parameter.name()));
      }
      parameters.add(parameter);
      if (skipOperator("=")) {
        defaults.add(expression(true));
      } else if (!defaults.isEmpty()) {
        throw fault("a parameter without a default follows one with a default");
      }
    }
  }

  private static void requireAssignable(int line, String name) {
    if (CONSTANTS.contains(name)) {
      throw new JinjaException(line, "cannot assign to '%s'".formatted(name));
    }
  }

  /** A name, an attribute of a namespace or a tuple of them. */
  private Expression target(Set<String> ends, boolean namespaces) {
    return used(simpleTuple(ends, namespaces), Use.STORE);
  }

  private Expression simpleTuple(Set<String> ends, boolean namespaces) {
    int line = current().line();
    List<Expression> parts = new ArrayList<>();
    boolean tuple = false;
    while (!isTupleEnd(ends)) {
      parts.add(primary(namespaces));
      if (!skipOperator(",")) {
        break;
      }
      tuple = true;
    }
    if (parts.isEmpty()) {
      throw fault("expected the name of a variable, got %s".formatted(current()));
    }
    return tuple ? new Items(line, parts, true) : parts.get(0);
  }

  private static Expression used(Expression target, Use use) {
    if (target instanceof Name name) {
      return new Name(name.line(), name.name(), use);
    }
    if (target instanceof NamespaceTarget) {
      return target;
    }
    if (target instanceof Items items && items.tuple()) {
      return new Items(items.line(), items.items().stream().map(part -> used(part, use)).toList(), true);
    }
    throw new JinjaException(target.line(), "cannot assign to this");
  }

  private boolean isTupleEnd(Set<String> ends) {
    Token token = current();
    return token.kind() == Kind.VARIABLE_END
        || token.kind() == Kind.BLOCK_END
        || token.isOperator(")")
        || token.kind() == Kind.NAME && ends.contains(token.value());
  }

  /** An expression, or a tuple where commas follow. @param brackets whether an empty tuple is allowed */
  private Expression tuple(boolean conditional, Set<String> ends, boolean brackets) {
    int line = current().line();
    List<Expression> parts = new ArrayList<>();
    boolean tuple = false;
    while (!isTupleEnd(ends)) {
      parts.add(expression(conditional));
      if (!skipOperator(",")) {
        break;
      }
      tuple = true;
    }
    if (!tuple && parts.size() == 1) {
      return parts.get(0);
    }
    if (!tuple && !brackets) {
      throw fault("expected an expression, got %s".formatted(current()));
    }
    return new Items(line, parts, true);
  }

  private Expression expression(boolean conditional) {
    deeper();
    Expression expression = conditional ? conditional() : or();
    depth--;
    return expression;
  }

  private Expression conditional() {
    int line = current().line();
    Expression value = or();
    while (skipName("if")) {
      Expression test = or();
      Expression otherwise = null;
      if (skipName("else")) {
        deeper();
        otherwise = conditional();
        depth--;
      }
      value = new Conditional(line, test, value, otherwise);
    }
    return value;
  }

  private Expression or() {
    int line = current().line();
    Expression left = and();
    while (skipName("or")) {
      left = new Logical(line, false, left, and());
    }
    return left;
  }

  private Expression and() {
    int line = current().line();
    Expression left = not();
    while (skipName("and")) {
      left = new Logical(line, true, left, not());
    }
    return left;
  }

  private Expression not() {
    int line = current().line();
    if (!skipName("not")) {
      return comparison();
    }
    deeper();
    Expression node = new Not(line, not());
    depth--;
    return node;
  }

  private Expression comparison() {
    int line = current().line();
    Expression first = sum();
    List<Comparison> rest = new ArrayList<>();
    while (true) {
      Token token = current();
      if (token.kind() == Kind.OPERATOR && COMPARING.contains(token.value())) {
        next();
        rest.add(new Comparison((String) token.value(), sum()));
      } else if (skipName("in")) {
        rest.add(new Comparison("in", sum()));
      } else if (token.isName("not") && following().isName("in")) {
        at += 2;
        rest.add(new Comparison("not in", sum()));
      } else {
        return rest.isEmpty() ? first : new Comparisons(line, first, rest);
      }
    }
  }

  private Expression sum() {
    int line = current().line();
    Expression left = concatenation();
    while (current().isOperator("+") || current().isOperator("-")) {
      String operator = (String) next().value();
      left = new Arithmetic(line, operator, left, concatenation());
    }
    return left;
  }

  private Expression concatenation() {
    int line = current().line();
    List<Expression> parts = new ArrayList<>(List.of(product()));
    while (skipOperator("~")) {
      parts.add(product());
    }
    return parts.size() == 1 ? parts.get(0) : new Concatenation(line, parts);
  }

  private Expression product() {
    int line = current().line();
    Expression left = power();
    while (Set.of("*", "/", "//", "%").contains(current().value()) && current().kind() == Kind.OPERATOR) {
      String operator = (String) next().value();
      left = new Arithmetic(line, operator, left, power());
    }
    return left;
  }

  private Expression power() {
    int line = current().line();
    Expression left = unary(true);
    while (skipOperator("**")) {
      left = new Arithmetic(line, "**", left, unary(true));
    }
    return left;
  }

  private Expression unary(boolean withFilters) {
    int line = current().line();
    Expression node;
    if (current().isOperator("-") || current().isOperator("+")) {
      boolean minus = next().value().equals("-");
      deeper();
      node = new Sign(line, minus, unary(false));
      depth--;
    } else {
      node = primary(false);
    }
    node = postfix(node);
    return withFilters ? filtersAndTests(node) : node;
  }

  private Expression primary(boolean namespaces) {
    Token token = next();
    int line = token.line();
    switch (token.kind()) {
      case NAME -> {
        String name = (String) token.value();
        if (CONSTANTS.contains(name)) {
          Object value = name.equalsIgnoreCase("none") ? None.NONE : (Object) name.equalsIgnoreCase("true");
          return new Constant(line, value);
        }
        if (namespaces && skipOperator(".")) {
          return new NamespaceTarget(line, name, (String) expect(Kind.NAME, "the name of an attribute").value());
        }
        return new Name(line, name, Use.LOAD);
      }
      case STRING -> {
        StringBuilder text = new StringBuilder((String) token.value());
        while (current().kind() == Kind.STRING) {
          text.append(next().value());
        }
        return new Constant(line, text.toString());
      }
      case INTEGER, FLOAT -> {
        return new Constant(line, token.value());
      }
      case OPERATOR -> {
        switch ((String) token.value()) {
          case "(" -> {
            deeper();
            Expression inner = tuple(true, Set.of(), true);
            depth--;
            expectOperator(")");
            return inner;
          }
          case "[" -> {
            return list(line);
          }
          case "{" -> {
            return mapping(line);
          }
          default -> throw new JinjaException(line, "unexpected %s".formatted(token));
        }
      }
      default -> throw new JinjaException(line, "unexpected %s".formatted(token));
    }
  }

  private Expression list(int line) {
    List<Expression> items = new ArrayList<>();
    while (!skipOperator("]")) {
      if (!items.isEmpty()) {
        expectOperator(",");
        if (skipOperator("]")) {
          break;
        }
      }
      items.add(expression(true));
    }
    return new Items(line, items, false);
  }

  private Expression mapping(int line) {
    List<Pair> pairs = new ArrayList<>();
    while (!skipOperator("}")) {
      if (!pairs.isEmpty()) {
        expectOperator(",");
        if (skipOperator("}")) {
          break;
        }
      }
      Expression key = expression(true);
      expectOperator(":");
      pairs.add(new Pair(key, expression(true)));
    }
    return new Mapping(line, pairs);
  }

  private Expression postfix(Expression owner) {
    Expression node = owner;
    while (true) {
      int line = current().line();
      if (skipOperator(".")) {
        Token name = next();
        if (name.kind() == Kind.NAME) {
          node = new Attribute(line, node, (String) name.value());
        } else if (name.kind() == Kind.INTEGER) {
          node = new Item(line, node, new Constant(line, (BigInteger) name.value()));
        } else {
          throw new JinjaException(name.line(), "expected a name or number after the dot, got %s".formatted(name));
        }
      } else if (skipOperator("[")) {
        node = subscript(line, node);
      } else if (current().isOperator("(")) {
        node = new Invocation(line, node, call());
      } else {
        return node;
      }
    }
  }

  private Expression subscript(int line, Expression owner) {
    List<Expression> keys = new ArrayList<>();
    while (!current().isOperator("]")) {
      if (!keys.isEmpty()) {
        expectOperator(",");
      }
      Expression start = current().isOperator(":") ? null : expression(true);
      if (!skipOperator(":")) {
        keys.add(start);
        continue;
      }
      Expression stop = isSliceEnd() || current().isOperator(":") ? null : expression(true);
      Expression step = skipOperator(":") && !isSliceEnd() ? expression(true) : null;
      if (!keys.isEmpty() || !current().isOperator("]")) {
        throw fault("a slice among several keys is not supported");
      }
      next();
      return new Slice(line, owner, start, stop, step);
    }
    next();
    return new Item(line, owner, keys.size() == 1 ? keys.get(0) : new Items(line, keys, true));
  }

  private boolean isSliceEnd() {
    return current().isOperator("]") || current().isOperator(",");
  }

  private Call call() {
    expectOperator("(");
    List<Expression> positional = new ArrayList<>();
    Map<String, Expression> named = new LinkedHashMap<>();
    Expression all = null;
    Expression allNamed = null;
    boolean first = true;
    while (!skipOperator(")")) {
      if (!first) {
        expectOperator(",");
        if (skipOperator(")")) {
          break;
        }
      }
      first = false;
      if (skipOperator("*")) {
        if (all != null || allNamed != null) {
          throw fault("the arguments are in the wrong order");
        }
        all = expression(true);
      } else if (skipOperator("**")) {
        if (allNamed != null) {
          throw fault("the arguments are in the wrong order");
        }
        allNamed = expression(true);
      } else if (current().kind() == Kind.NAME && following().isOperator("=")) {
        String name = (String) next().value();
        next();
        if (allNamed != null || named.put(name, expression(true)) != null) {
          throw fault("the argument '%s' is given twice or in the wrong place".formatted(name));
        }
      } else {
        if (all != null || allNamed != null || !named.isEmpty()) {
          throw fault("the arguments are in the wrong order");
        }
        positional.add(expression(true));
      }
    }
    return new Call(positional, named, all, allNamed);
  }

  private Expression filtersAndTests(Expression value) {
    Expression node = value;
    while (true) {
      if (current().isOperator("|")) {
        node = filters(node, false);
      } else if (current().isName("is")) {
        node = test(node);
      } else if (current().isOperator("(")) {
        node = new Invocation(current().line(), node, call());
      } else {
        return node;
      }
    }
  }

  /** @param inline whether the first filter stands without a bar before it */
  private Expression filters(Expression value, boolean inline) {
    Expression node = value;
    boolean first = inline;
    while (first || skipOperator("|")) {
      first = false;
      Token name = expect(Kind.NAME, "the name of a filter");
      node = new Filtered(name.line(), node, dotted(name), current().isOperator("(") ? call() : Call.EMPTY);
    }
    return node;
  }

  private String dotted(Token first) {
    StringBuilder name = new StringBuilder((String) first.value());
    while (skipOperator(".")) {
      name.append('.').append(expect(Kind.NAME, "a name").value());
    }
    return name.toString();
  }

  private Expression test(Expression node) {
    int line = next().line();
    boolean negated = skipName("not");
    String name = dotted(expect(Kind.NAME, "the name of a test"));
    Call call = Call.EMPTY;
    if (current().isOperator("(")) {
      call = call();
    } else if (takesArgument()) {
      if (current().isName("is")) {
        throw fault("tests with 'is' cannot follow one another");
      }
      call = new Call(List.of(postfix(primary(false))), Map.of(), null, null);
    }
    Expression test = new Tested(line, node, name, call);
    return negated ? new Not(line, test) : test;
  }

  private boolean takesArgument() {
    Token token = current();
    return switch (token.kind()) {
      case NAME -> !token.isName("else") && !token.isName("or") && !token.isName("and");
      case STRING, INTEGER, FLOAT -> true;
      case OPERATOR -> token.value().equals("[") || token.value().equals("{");
      default -> false;
    };
  }
}
