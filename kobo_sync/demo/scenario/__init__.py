"""What happens in the demonstration's Niger: facts first, then the reports that providers make of them."""
