"""One module for each format that a finished run can be exported in; ``registry`` lists, makes and checks them."""
